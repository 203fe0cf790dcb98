"""What becomes of one event: kept, dropped and counted, or dead-lettered with its reason.

msgspec checks the whole JSON and decodes only the few fields that the producer needs; an event with odd types
in those is still an event.
"""

from typing import Any, Final, NamedTuple

import msgspec
from sluice_core import reasons
from sluice_core.errors import DeadLetterError
from sluice_core.wire import beside
from sluice_core.wire.beside import DEFAULT_TYPE
from sluice_core.wire.event_id import META_ID, find_id, parse_patiently

from sluice_producer.metrics import CANARY, EMPTY, TYPE
from sluice_producer.pack.identity import Identity, body_of, own_sse_id
from sluice_producer.source.parser import SourceEvent
from sluice_producer.source.supervisor import SourceFailed


class Meta(msgspec.Struct, gc=False):
    """The fields of Wikimedia's `meta` that the producer reads; None where missing or of another type."""

    id: str | None = None
    domain: str | None = None
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


class Extra(NamedTuple):
    """What travels beside one event: its type, its own SSE id, and whether its id does (`identity`)."""

    type: str
    sse_id: str | None
    carried: bool


class Judged(msgspec.Struct, gc=False):
    """An event that is kept: its JSON as it will be sent (no newline), its fields, its id, what travels beside."""

    body: bytes
    meta: Meta
    event_id: str
    extra: Extra | None


_decode = msgspec.json.Decoder(_Event).decode
_decode_any = msgspec.json.Decoder().decode


class Judge:
    """Judges events by `identity`; `types`: the SSE types that are data, None for all."""

    def __init__(
        self,
        identity: Identity,
        *,
        wikimedia: bool,
        max_bytes: int,
        types: frozenset[str] | None = None,
    ) -> None:
        self.identity = identity
        self._by_meta = identity.by_meta
        self._wikimedia = wikimedia
        self._max_bytes = max_bytes
        self._types = types

    def judge(self, event: SourceEvent) -> Judged:
        """The event, kept. Raises Dropped, DeadLetterError (a dead letter) or SourceFailed (an `error` event)."""
        kind = event.type
        if self._types is not None or kind != DEFAULT_TYPE:
            self._look_at_type(event)
        body = body_of(event)
        if event.lost_bytes or len(body) > self._max_bytes:
            raise _too_large(event, body, self._max_bytes)
        try:
            meta = _decode(body).meta or _NO_META
        except (msgspec.MsgspecError, RecursionError) as error:
            meta = _odd(body, error)
        wikimedia = self._wikimedia
        if wikimedia and meta.domain == CANARY:
            raise Dropped(CANARY, meta)
        event_id = meta.id
        carried = False
        if not (event_id and self._by_meta):
            event_id, carried = self.identity.name(event, body, event_id or None)
        if wikimedia and not carried and kind == DEFAULT_TYPE:
            return Judged(body, meta, event_id, None)
        return Judged(body, meta, event_id, self._extra(event, event_id, carried=carried))

    def _look_at_type(self, event: SourceEvent) -> None:
        if self._wikimedia and event.type == "error":
            raise SourceFailed("the source sent an error event")
        if self._types is not None and event.type not in self._types:
            raise Dropped(TYPE, _meta_if_any(event) if self._wikimedia else _NO_META)

    def _extra(self, event: SourceEvent, event_id: str, *, carried: bool) -> Extra | None:
        extra = extra_of(event, wikimedia=self._wikimedia, carried=carried)
        if extra is not None and extra_chars(extra, event_id) > beside.EVENT_MAX_CHARS:
            raise DeadLetterError(
                reasons.TOO_LARGE,
                f"{extra_chars(extra, event_id)} characters in its id, SSE id and type; "
                f"{beside.EVENT_MAX_CHARS} are allowed",
            )
        return extra


def extra_of(event: SourceEvent, *, wikimedia: bool, carried: bool) -> Extra | None:
    """What travels beside an event; an SSE id of Wikimedia's is a position and does not."""
    sse_id = None if wikimedia else own_sse_id(event)
    if not carried and sse_id is None and event.type == DEFAULT_TYPE:
        return None
    return Extra(event.type, sse_id, carried)


def extra_chars(extra: Extra, event_id: str) -> int:
    """Characters that travel beside an event."""
    return len(extra.type) + len(extra.sse_id or "") + (len(event_id) if extra.carried else 0)


def _too_large(event: SourceEvent, body: bytes, limit: int) -> DeadLetterError:
    size = len(body) + event.lost_bytes
    cut = f", of which the first {len(body)} are kept here" if event.lost_bytes else ""
    return DeadLetterError(
        reasons.TOO_LARGE, f"{size} bytes{cut}; SLUICE_MAX_EVENT_BYTES is {limit}"
    )


def _meta_if_any(event: SourceEvent) -> Meta:
    try:
        return _decode(event.raw).meta or _NO_META
    except (msgspec.MsgspecError, RecursionError):
        return _NO_META


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
            raise DeadLetterError(reasons.NOT_JSON, str(problem)[:200]) from problem
    if not isinstance(value, dict):
        raise DeadLetterError(
            reasons.NOT_OBJECT, f"a JSON {type(value).__name__}, not an object"
        ) from error
    meta = value.get("meta")
    if not isinstance(meta, dict):
        return _NO_META
    texts = {k: meta[k] for k in ("domain", "topic") if isinstance(meta.get(k), str)}
    partition = meta.get("partition")
    return Meta(
        id=find_id(body, META_ID), partition=partition if type(partition) is int else 0, **texts
    )
