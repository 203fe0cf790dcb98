"""What becomes of one event: kept, dropped and counted, or dead-lettered with its reason.

msgspec checks the whole JSON and decodes only the few fields that the producer needs; an event with odd types
in those is still an event.
"""

import hashlib
from typing import Any, Final, NamedTuple

import msgspec
from sluice_core import reasons
from sluice_core.errors import PoisonError
from sluice_core.event_id import meta_id, parse_patiently

from sluice_producer.source.parser import SourceEvent
from sluice_producer.source.supervisor import SourceFailed

CANARY: Final = "canary"
DUPLICATE: Final = "duplicate"
EMPTY: Final = "empty"
DROP_REASONS: Final = (CANARY, DUPLICATE, EMPTY)


class Meta(msgspec.Struct, gc=False):
    """The fields of Wikimedia's `meta` that the producer reads; None where missing or of another type."""

    id: str | None = None
    domain: str | None = None
    dt: str | None = None
    topic: str | None = None
    partition: int = 0


_NO_META: Final = Meta()


class _Event(msgspec.Struct, gc=False):
    meta: Meta | None = None


class Dropped(Exception):  # noqa: N818  (as it should be)
    """The event is not data; `reason` is one of DROP_REASONS."""

    def __init__(self, reason: str, meta: Meta = _NO_META) -> None:
        super().__init__(reason)
        self.reason = reason
        self.meta = meta


class Judged(NamedTuple):
    """An event that is kept: its JSON as it will be sent (no newline), its fields, its id.

    `by_source` tells that the id is the SSE id, which the JSON does not hold.
    """

    body: bytes
    meta: Meta
    event_id: str
    by_source: bool


_decode = msgspec.json.Decoder(_Event).decode
_decode_any = msgspec.json.Decoder().decode


def judge(event: SourceEvent, *, wikimedia: bool, max_bytes: int) -> Judged:
    """The event, kept. Raises Dropped, PoisonError (a dead letter) or SourceFailed (an `error` event)."""
    data = event.data
    if wikimedia and event.type == "error":
        raise SourceFailed("the source sent an error event")
    if "\n" in data:
        data = data.replace(
            "\n", " "
        )  # between JSON's tokens, where alone it can be, a space means the same
    body = data.encode()
    if event.lost_bytes or len(body) > max_bytes:
        size = len(body) + event.lost_bytes
        cut = f", of which the first {len(body)} are kept here" if event.lost_bytes else ""
        raise PoisonError(
            reasons.TOO_LARGE, f"{size} bytes{cut}; SLUICE_MAX_EVENT_BYTES is {max_bytes}"
        )
    try:
        meta = _decode(body).meta or _NO_META
    except (msgspec.MsgspecError, RecursionError) as error:
        meta = _odd(body, error)
    if wikimedia and meta.domain == CANARY:
        raise Dropped(CANARY, meta)
    event_id = meta.id
    if event_id:
        return Judged(body, meta, event_id, by_source=False)
    if not wikimedia and event.has_own_id and event.last_event_id:
        return Judged(body, meta, event.last_event_id, by_source=True)
    return Judged(body, meta, hashlib.sha256(body).hexdigest(), by_source=False)


def fallback_id(event: SourceEvent) -> str:
    """An id for an event that could not be judged: the SHA-256 of its data."""
    return hashlib.sha256(event.data.encode()).hexdigest()


def _odd(body: bytes, error: Exception) -> Meta:
    """For what is not as expected: no JSON, no object, or an object with a `meta` of another shape."""
    if not body.strip():
        raise Dropped(EMPTY) from error
    try:
        value: Any = _decode_any(body)
    except (msgspec.MsgspecError, RecursionError):
        try:
            value = parse_patiently(body)
        except ValueError as problem:
            raise PoisonError(reasons.NOT_JSON, str(problem)[:200]) from problem
    if not isinstance(value, dict):
        raise PoisonError(
            reasons.NOT_OBJECT, f"a JSON {type(value).__name__}, not an object"
        ) from error
    meta = value.get("meta")
    if not isinstance(meta, dict):
        return _NO_META
    texts = {k: meta[k] for k in ("domain", "dt", "topic") if isinstance(meta.get(k), str)}
    partition = meta.get("partition")
    return Meta(id=meta_id(value), partition=partition if type(partition) is int else 0, **texts)
