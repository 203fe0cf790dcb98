"""The codes that a dead letter's `sluice-reason` may hold, and what each of them tells.

docs/reference/dead-letter-reasons.md is made of this.
"""

from dataclasses import dataclass
from typing import Final, Literal

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

Maker = Literal["producer", "batcher"]


@dataclass(frozen=True)
class Reason:
    """A code, who makes dead letters of it, what it means, and what to do: for people, in Markdown."""

    code: str
    made_by: tuple[Maker, ...]
    means: str
    do: str


_BOTH: Final[tuple[Maker, ...]] = ("producer", "batcher")
_PRODUCER: Final[tuple[Maker, ...]] = ("producer",)
_BATCHER: Final[tuple[Maker, ...]] = ("batcher",)
_DAMAGED: Final = "Find who writes or changes such messages. The events can be [read again from the source](../how-to/replay.md)."
_STORED: Final = "Nothing, where the events are rows: the letter is for your eyes, and `redrive` passes it over unless `--reason` names it. "

TOLD: Final = (
    Reason(
        NOT_JSON,
        _BOTH,
        "The event's data is no JSON. From a batcher: of a message that no producer of ours has looked at, or what travels beside a pack's events is damaged.",
        "Choose the source's events that are data with `SLUICE_SOURCE_EVENTS`; else ask the source. It cannot become a row: delete it.",
    ),
    Reason(
        NOT_OBJECT,
        _BOTH,
        "The data is JSON and no object: a number, a text, a list.",
        "As `not-json`.",
    ),
    Reason(
        TOO_LARGE,
        _BOTH,
        "The event is larger than `SLUICE_MAX_EVENT_BYTES`, or than any message of this queue can be; or what travels beside it is too long (its id, SSE id and type).",
        "Raise `SLUICE_MAX_EVENT_BYTES` of both services, then redrive. Where `detail` says that only the first bytes are kept, the rest must be read again from the source.",
    ),
    Reason(
        REFUSED_BY_QUEUE,
        _PRODUCER,
        "SQS has refused the message for good; `detail` has its code. The letter holds one event of it.",
        "Mend what the code names (a queue that takes smaller messages, a policy), then redrive.",
    ),
    Reason(
        BAD_UTF8,
        _BATCHER,
        "The event, or its whole body in the bucket, is no UTF-8.",
        "Ask the source; the letter shows what is no UTF-8 as `\\xff`. It cannot become a row: delete it.",
    ),
    Reason(
        BAD_EVENT,
        _BATCHER,
        "The event is a JSON object that cannot be taken for a row, for instance because it is nested too deeply.",
        "Look at it (`dlq show --body`). What a newer version can read goes back with redrive.",
    ),
    Reason(
        NO_COLUMN,
        _BATCHER,
        "No column finds a value in the event: the columns are another source's, or the event is an envelope or a notification.",
        "Give the batcher [columns](../how-to/another-source.md#columns) for this source, or leave the events out with `SLUICE_SOURCE_EVENTS`; then redrive.",
    ),
    Reason(BAD_BASE64, _BATCHER, "The pack's text is no base64.", _DAMAGED),
    Reason(BAD_ZSTD, _BATCHER, "The pack is no zstd frame, or has bytes after it.", _DAMAGED),
    Reason(TRUNCATED, _BATCHER, "The pack's zstd frame ends early.", _DAMAGED),
    Reason(
        BOMB,
        _BATCHER,
        "The pack unpacks to more than `SLUICE_PACK_MAX_UNPACKED_BYTES`.",
        "If a producer with a larger limit made it: give the batcher the same one, and redrive. Else it is an attack or damage.",
    ),
    Reason(
        COUNT_MISMATCH,
        _BATCHER,
        "The pack holds another number of events, or of ids beside them, than its attributes say. What could be read is rows.",
        f"{_STORED}If events are missing, [read them again](../how-to/replay.md).",
    ),
    Reason(
        HASH_MISMATCH,
        _BATCHER,
        "The pack is not what its id was made of: it was changed on its way. What could be read is rows.",
        f"{_STORED}Find who changes messages.",
    ),
    Reason(
        TRANSFORM_FAILED,
        _BATCHER,
        "The hook of `SLUICE_TRANSFORM` raised an exception on this event alone; `detail` has it.",
        "Repair the hook, then `sluice dlq redrive --reason transform-failed --yes`.",
    ),
    Reason(
        BODY_GONE,
        _BATCHER,
        "A letter came back whose body stood in the bucket, and the object is gone or another one.",
        "Bring the object back from a version or a copy and redrive; else read the event again from the source.",
    ),
)

ALL: Final = frozenset(reason.code for reason in TOLD)

REDRIVEN: Final = "redriven"
"""What a dead letter is called that has no reason: only the queue's own redrive policy has moved it."""
