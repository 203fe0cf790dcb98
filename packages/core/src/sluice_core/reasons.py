"""The codes that a dead letter's `sluice-reason` may hold."""

from typing import Final

NOT_JSON: Final = "not-json"
NOT_OBJECT: Final = "not-object"
TOO_LARGE: Final = "too-large"
BAD_UTF8: Final = "bad-utf8"
BAD_EVENT: Final = "bad-event"
NO_COLUMN: Final = "no-column"
BAD_BASE64: Final = "bad-base64"
BAD_ZSTD: Final = "bad-zstd"
TRUNCATED: Final = "truncated"
BOMB: Final = "unpacked-too-large"
COUNT_MISMATCH: Final = "count-mismatch"
HASH_MISMATCH: Final = "hash-mismatch"
TRANSFORM_FAILED: Final = "transform-failed"
REFUSED_BY_QUEUE: Final = "refused-by-queue"
BODY_GONE: Final = "body-gone"

ALL: Final = frozenset(
    {
        NOT_JSON,
        NOT_OBJECT,
        TOO_LARGE,
        BAD_UTF8,
        BAD_EVENT,
        NO_COLUMN,
        BAD_BASE64,
        BAD_ZSTD,
        TRUNCATED,
        BOMB,
        COUNT_MISMATCH,
        HASH_MISMATCH,
        TRANSFORM_FAILED,
        REFUSED_BY_QUEUE,
        BODY_GONE,
    }
)
