"""The place that holds raw objects and table: an S3 bucket, or a folder with the same keys."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sluice_core.aws import Aws, clients, lent
from sluice_core.aws.s3 import Bucket, BucketLike
from sluice_core.errors import PermanentError
from sluice_core.keys import WAREHOUSE
from sluice_core.settings import CommonSettings

from sluice_compactor.store.folder import Folder


@dataclass(frozen=True)
class Place:
    """`bucket` for what Sluice reads and writes itself, `root` (`s3://…`, `file://…`) for addresses in the table,
    `io`: what PyIceberg's own readers and writers need to get there (it holds credentials: never shown)."""

    bucket: BucketLike
    root: str
    io: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def in_s3(cls, settings: CommonSettings, aws: Aws | None = None) -> Self:
        """The settings' bucket, with credentials as they are now. Raises NoCredentialsError."""
        bucket = Bucket(aws or clients(settings), settings.bucket)
        given = {f"s3.{name}": value for name, value in lent(settings).items()}
        # A refused or slow request ends in minutes, not in pyarrow's half hour.
        given |= {"s3.connect-timeout": "5", "s3.request-timeout": "30"}
        return cls(bucket, f"s3://{settings.bucket}", given)

    @classmethod
    def on_disk(cls, folder: Path) -> Self:
        """A folder. Raises PermanentError when it does not exist."""
        if not folder.is_dir():
            raise PermanentError(f"{folder} is no directory: name one, or s3://bucket/prefix")
        store = Folder(folder)
        return cls(store, Path(store.name).as_uri())

    @property
    def warehouse(self) -> str:
        """The address below which tables are."""
        return f"{self.root}/{WAREHOUSE}"

    def key(self, address: str) -> str | None:
        """The key of an address here; None: it is elsewhere."""
        start = f"{self.root}/"
        # Hadoop's two other schemes for S3, which Spark may have written.
        for scheme in ("s3a://", "s3n://"):
            if address.startswith(scheme):
                address = "s3://" + address.removeprefix(scheme)
        return address.removeprefix(start) if address.startswith(start) else None
