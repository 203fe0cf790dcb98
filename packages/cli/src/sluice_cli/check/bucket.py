"""The bucket: it is there, and it writes, reads, lists, deletes and honours conditions.

Conditions matter: an object's creation must be refusable (`If-None-Match: *`), so that a repeated write is no
second object; and a checkpoint must be replaceable only by who read it (`If-Match`).
"""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import (
    AccessDeniedError,
    NotFoundError,
    PreconditionError,
    SluiceError,
    UnsupportedError,
)
from sluice_core.keys import INTERNAL_PREFIX

from sluice_cli.check.result import Result, State, attempt, failed, ok, refused, warning

PREFIX: Final = f"{INTERNAL_PREFIX}check/"
_UNVERSIONED: Final = "null"
"""The version id of what was written while versioning is suspended."""

_BODY: Final = b"sluice check: this object may be deleted\n"
_IGNORES: Final = (
    "use AWS S3, or a store that knows conditional writes (LocalStack and moto's server do)"
)


def check_bucket(bucket: BucketLike) -> Iterator[Result]:
    """Existence, then everything that the services do with it, on a probe object that is removed."""
    made = "make it, or set SLUICE_BUCKET"
    there = attempt("bucket", bucket.check, made, bucket.name)
    yield there
    if there.state != "ok":
        return
    key = f"{PREFIX}{uuid.uuid4()}"
    try:
        etag = bucket.put(key, _BODY, content_type="text/plain", if_none_match=True)
    except SluiceError as error:
        yield refused("bucket: write", error, made)
        return
    try:
        yield ok("bucket: write", f"{PREFIX}…")
        yield _read(bucket, key)
        yield _list(bucket, key)
        yield _create_once(bucket, key)
        yield _replace(bucket, key, etag)
    finally:
        # Also when nobody asks for further results.
        gone = _delete(bucket, key)
    yield gone if gone.state is State.FAILED else _deleted(bucket, key)
    if gone.state is State.WARNING:
        yield gone


def _read(bucket: BucketLike, key: str) -> Result:
    name = "bucket: read"
    try:
        body = bucket.get(key).body
    except SluiceError as error:
        return refused(name, error, "what was just written is not there: is this S3?")
    if body != _BODY:
        return failed(name, "what came back is not what was written", "do not use this store")
    return ok(name)


def _list(bucket: BucketLike, key: str) -> Result:
    name = "bucket: list"
    try:
        keys = [stored.key for stored in bucket.list(PREFIX)]
    except SluiceError as error:
        return refused(name, error, "make the bucket, or set SLUICE_BUCKET")
    if key not in keys:
        return failed(name, "what was just written is not listed", "do not use this store")
    return ok(name)


def _create_once(bucket: BucketLike, key: str) -> Result:
    name = "bucket: create once (If-None-Match)"
    try:
        bucket.put(key, _BODY, content_type="text/plain", if_none_match=True)
    except PreconditionError:
        return ok(name, "a second creation is refused")
    except SluiceError as error:
        return refused(name, error, _IGNORES)
    return failed(name, "a second creation was accepted: repeated writes could overwrite", _IGNORES)


def _replace(bucket: BucketLike, key: str, etag: str) -> Result:
    name = "bucket: replace if unchanged (If-Match)"
    try:
        current = bucket.put(key, _BODY + b"2", content_type="text/plain", if_match=etag)
        bucket.put(key, _BODY + b"3", content_type="text/plain", if_match=etag)
    except PreconditionError as error:
        # The first replacement must pass, the second not.
        with suppress(SluiceError):
            if bucket.get(key).body == _BODY + b"2":
                return ok(name, "a stale replacement is refused")
        return failed(name, f"a replacement of what is there was refused: {error}", _IGNORES)
    except SluiceError as error:
        return refused(name, error, _IGNORES)
    return failed(
        name,
        f"a stale replacement of {current} was accepted: two producers could share a checkpoint",
        _IGNORES,
    )


def _delete(bucket: BucketLike, key: str) -> Result:
    """In a bucket that keeps versions a deletion only adds one: there all are deleted, if the role may."""
    name = "bucket: delete"
    try:
        versioned = bucket.head(key).version not in (None, _UNVERSIONED)
        if versioned:
            with suppress(AccessDeniedError, UnsupportedError):
                bucket.erase(key)
                return ok(name)
        bucket.delete(key)
    except SluiceError as error:
        return refused(name, error, "make the bucket, or set SLUICE_BUCKET")
    if versioned:
        return warning(
            "bucket: versions",
            f"versions of {key} stay: this role may not delete them",
            "allow s3:ListBucketVersions and s3:DeleteObjectVersion, or let a lifecycle rule expire "
            f"{PREFIX}",
        )
    return ok(name)


def _deleted(bucket: BucketLike, key: str) -> Result:
    name = "bucket: delete"
    try:
        bucket.head(key)
    except NotFoundError:
        return ok(name)
    except SluiceError as error:
        return refused(name, error, "it was there a moment ago")
    return failed(name, f"{key} is still there after its deletion", "delete it by hand")
