"""Where a checkpoint lives: S3 or a file. Both write only over the version that the writer has seen."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import NotFoundError, PreconditionError, TemporaryError, os_reason


class Store(Protocol):
    """One document with conditional writes; a tag names a version. All methods may raise TemporaryError."""

    @property
    def place(self) -> str:
        """The document's URL, for people."""
        ...

    def read(self) -> tuple[bytes, str] | None:
        """(document, tag), or None when there is none."""
        ...

    def write(self, document: bytes, over: str | None) -> str:
        """Writes over the version `over` (None: over none), gives the new tag.

        Raises PreconditionError when another version is there, NotFoundError when `over` has vanished.
        """
        ...


class S3Store:
    """An object in a bucket; the tag is its entity tag."""

    def __init__(self, bucket: BucketLike, key: str) -> None:
        self._bucket = bucket
        self._key = key

    @property
    def place(self) -> str:
        """See `Store`."""
        return f"s3://{self._bucket.name}/{self._key}"

    def read(self) -> tuple[bytes, str] | None:
        """See `Store`."""
        try:
            found = self._bucket.get(self._key)
        except NotFoundError:
            return None
        return found.body, found.etag

    def write(self, document: bytes, over: str | None) -> str:
        """See `Store`."""
        return self._bucket.put(
            self._key,
            document,
            content_type="application/json",
            if_none_match=over is None,
            if_match=over,
        )


class FileStore:
    """A file, replaced in one step under a lock; the tag is the SHA-256 of its content."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """See `Store`."""
        return self._path.absolute().as_uri()

    def read(self) -> tuple[bytes, str] | None:
        """See `Store`."""
        try:
            document = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TemporaryError(f"cannot read {self.place}: {os_reason(error)}") from error
        return document, hashlib.sha256(document).hexdigest()

    def write(self, document: bytes, over: str | None) -> str:
        """See `Store`."""
        try:
            with self._locked():
                there = self.read()
                if there is None and over is not None:
                    raise NotFoundError(f"{self.place} has vanished")
                if there is not None and there[1] != over:
                    raise PreconditionError(f"{self.place} has changed")
                self._replace(document)
        except OSError as error:
            raise TemporaryError(f"cannot write {self.place}: {os_reason(error)}") from error
        return hashlib.sha256(document).hexdigest()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(self._path.name + ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _replace(self, document: bytes) -> None:
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        with new.open("wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
