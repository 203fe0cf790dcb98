"""A folder on this machine in a bucket's place: what `sluice run` leaves on disk becomes a table, too.

Keys are paths below the folder. An object is whole or not there; a conditional write holds a lock of the folder,
so that it compares and swaps among the processes of one machine.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

from sluice_core.aws.s3 import Fetched, Stored
from sluice_core.errors import (
    MissingResourceError,
    NotFoundError,
    PreconditionError,
)
from sluice_core.lake.folder import copied_metadata

_LOCK: Final = ".sluice-lock"


class Folder:
    """A `BucketLike` on disk, without versions. User metadata are what the copy of a bucket tells of a key
    (`sluice_core.lake.folder`): files have none."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self._root)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> str:
        """See `BucketLike.put`."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            there = _etag(path.read_bytes()) if path.exists() else None
            if if_none_match and there is not None:
                raise PreconditionError(f"{path} exists")
            if if_match is not None and there is None:
                raise NotFoundError(f"{path} does not exist")
            if if_match is not None and there != if_match:
                raise PreconditionError(f"{path} has changed")
            handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)  # noqa: PTH105 - one call for "whole or not at all"
        return _etag(body)

    def get(self, key: str) -> Fetched:
        """See `BucketLike.get`."""
        try:
            body = self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(f"{self._path(key)} does not exist") from error
        return Fetched(body, _etag(body), self._metadata.get(key, {}))

    def head(self, key: str) -> Fetched:
        """See `BucketLike.head`."""
        found = self.get(key)
        return Fetched(b"", found.etag, found.metadata)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See `BucketLike.list`; the entity tag is left out."""
        start = self._root / prefix.rpartition("/")[0]
        for path in sorted(path for path in start.rglob("*") if path.is_file()):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and not path.name.startswith("."):
                stat = path.stat()
                yield Stored(key, stat.st_size, "", stat.st_mtime)

    def delete(self, key: str) -> None:
        """See `BucketLike.delete`."""
        self._path(key).unlink(missing_ok=True)

    def erase(self, key: str) -> None:
        """See `BucketLike.erase`."""
        self.delete(key)

    def check(self) -> None:
        """See `BucketLike.check`."""
        if not self._root.is_dir():
            raise MissingResourceError(f"folder {self._root} does not exist")

    @cached_property
    def _metadata(self) -> Mapping[str, Mapping[str, str]]:
        return copied_metadata(self._root)

    def _path(self, key: str) -> Path:
        path = self._root / key
        if not path.resolve().is_relative_to(self._root):
            raise NotFoundError(f"{key!r} leads out of {self._root}")
        return path

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._root / _LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
