"""One S3 bucket, as Sluice uses it: small whole objects, conditional writes, checked sums."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sluice_core.aws import Aws, translated
from sluice_core.aws.errors import text, understood
from sluice_core.errors import MissingResourceError, NotFoundError, TemporaryError, UnsupportedError


@dataclass(frozen=True)
class Stored:
    """An object's key, size in bytes, entity tag, and when it was written (S3's clock, seconds since the epoch)."""

    key: str
    size: int
    etag: str
    modified: float = 0.0


@dataclass(frozen=True)
class Fetched:
    """An object's bytes, entity tag and user metadata; `version` where the bucket keeps versions."""

    body: bytes
    etag: str
    metadata: Mapping[str, str]
    version: str | None = None


class ReadableLike(Protocol):
    """A place whose objects can be read: a bucket, or its copy in a folder."""

    def get(self, key: str) -> Fetched:
        """Reads an object; raises NotFoundError."""
        ...


class BucketLike(ReadableLike, Protocol):
    """What services ask of a bucket; `Bucket` and `testing.FakeS3` provide it."""

    @property
    def name(self) -> str:
        """The bucket's name."""
        ...

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = ...,
        metadata: Mapping[str, str] | None = ...,
        if_none_match: bool = ...,
        if_match: str | None = ...,
    ) -> str:
        """Writes an object, gives its entity tag; raises PreconditionError when a condition does not hold."""
        ...

    def head(self, key: str) -> Fetched:
        """Like `get`, with an empty body."""
        ...

    def list(self, prefix: str = ...) -> Iterator[Stored]:
        """All objects under `prefix`, in the order of their keys; raises TemporaryError when it ends early."""
        ...

    def delete(self, key: str) -> None:
        """Removes an object; harmless when it is not there."""
        ...

    def erase(self, key: str) -> None:
        """Like `delete`, in all its versions; for an object of few. Needs ListBucketVersions and DeleteObjectVersion."""
        ...

    def check(self) -> None:
        """Raises MissingResourceError when the bucket does not exist, AccessDeniedError when it is closed."""
        ...


class Bucket:
    """A bucket at AWS, LocalStack or moto; errors as in `sluice_core.errors`."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._s3 = aws.s3
        self._hot = aws.carrier.over(aws.s3)
        self._encryption = aws.encryption
        self._name = name

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._name

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
        """See `BucketLike.put`; a CRC32 travels with the body and is checked by S3, encrypted as the settings ask."""
        options: dict[str, Any] = dict(self._encryption)
        if if_none_match:
            options["IfNoneMatch"] = "*"
        if if_match is not None:
            options["IfMatch"] = if_match
        what = f"write s3://{self._name}/{key}"
        try:
            with translated(what):
                reply = self._hot.put_object(
                    Bucket=self._name,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    Metadata=dict(metadata or {}),
                    ChecksumAlgorithm="CRC32",
                    **options,
                )
        except NotFoundError as error:
            # S3 answers a PUT with If-Match on a key that does not exist with 404 NoSuchKey.
            raise (error if if_match is not None else MissingResourceError(str(error))) from error
        except UnsupportedError as error:
            if not options.keys() & {"IfNoneMatch", "IfMatch"}:
                raise
            raise UnsupportedError(
                f"{error}: if that is for the condition (If-None-Match, If-Match), this store knows no conditional "
                "writes, without which repeated writes could overwrite and two producers share a checkpoint: use "
                "AWS S3, or a store that has them"
            ) from error
        with understood(what):
            return text(reply["ETag"])

    def get(self, key: str) -> Fetched:
        """See `BucketLike.get`."""
        what = f"read s3://{self._name}/{key}"
        with translated(what):
            reply = self._s3.get_object(Bucket=self._name, Key=key)
            body = reply["Body"].read()
        with understood(what):
            return Fetched(body, text(reply["ETag"]), dict(reply.get("Metadata", {})))

    def head(self, key: str) -> Fetched:
        """See `BucketLike.head`."""
        what = f"look at s3://{self._name}/{key}"
        with translated(what):
            reply = self._s3.head_object(Bucket=self._name, Key=key)
        with understood(what):
            return Fetched(
                b"", text(reply["ETag"]), dict(reply.get("Metadata", {})), reply.get("VersionId")
            )

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See `BucketLike.list`."""
        token = ""
        more: dict[str, Any] = {}
        while True:
            what = f"list s3://{self._name}/{prefix}"
            with translated(what):
                page = self._s3.list_objects_v2(Bucket=self._name, Prefix=prefix, **more)
            with understood(what):
                entries = [
                    Stored(
                        text(entry["Key"]),
                        entry["Size"],
                        text(entry["ETag"]),
                        entry["LastModified"].timestamp(),
                    )
                    for entry in page.get("Contents", ())
                ]
                truncated = page["IsTruncated"]
            yield from entries
            # A page is announced only when there is something for it: one without is the end of nothing.
            if not entries and (token or truncated):
                raise _incomplete(what, "a page that was announced holds nothing")
            if not truncated:
                return
            following = page.get("NextContinuationToken", "")
            if not following or following == token:
                raise _incomplete(what, "it says that there is more, and not where to go on")
            token, more = following, {"ContinuationToken": following}

    def delete(self, key: str) -> None:
        """See `BucketLike.delete`."""
        with translated(f"delete s3://{self._name}/{key}"):
            self._s3.delete_object(Bucket=self._name, Key=key)

    def erase(self, key: str) -> None:
        """See `BucketLike.erase`; of 1,000 versions at most."""
        what = f"delete all versions of s3://{self._name}/{key}"
        with translated(what):
            page = self._s3.list_object_versions(Bucket=self._name, Prefix=key)
        with understood(what):
            versions = [
                text(entry["VersionId"])
                for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                if entry["Key"] == key
            ]
        for version in versions:
            with translated(what):
                self._s3.delete_object(Bucket=self._name, Key=key, VersionId=version)

    def check(self) -> None:
        """See `BucketLike.check`."""
        try:
            with translated(f"look at bucket {self._name!r}"):
                self._s3.head_bucket(Bucket=self._name)
        except NotFoundError as error:
            raise MissingResourceError(f"bucket {self._name!r} does not exist") from error


def _incomplete(what: str, why: str) -> TemporaryError:
    return TemporaryError(
        f"{what}: the listing ends early ({why}), so that objects would be missing; try again: when it stays, "
        "this store's listings cannot be relied on"
    )
