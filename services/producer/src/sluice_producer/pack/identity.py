"""Which id an event gets: `SLUICE_EVENT_ID`.

The producer alone decides. What a reader of the message would derive by itself (`meta.id`, else the SHA-256 of
the event's bytes) needs no room on the wire; any other id is `carried`. Where a rule finds no id, the hash
takes its place: of the SSE id and the data, which tells two equal events apart where the source does. Wikimedia's
SSE ids are positions, which change when an event is sent again: there the data alone is hashed.
"""

from collections.abc import Callable

from sluice_core.wire.beside import EVENT_MAX_CHARS
from sluice_core.wire.event_id import META_ID, digest, find_id, parsed_id
from sluice_core.wire.id_rule import SHA256, SSE, Rule

from sluice_producer.source.parser import SourceEvent

Named = tuple[str, bool]
"""An id, and whether it is to be carried."""

Namer = Callable[[SourceEvent, bytes, str | None], Named]
"""Names an event, given the bytes that will be sent and the `meta.id` in them."""


def body_of(event: SourceEvent) -> bytes:
    """The bytes that are sent: on one line, since between JSON's tokens, where alone it can be, a space means
    the same as a newline."""
    raw = event.raw
    return raw.replace(b"\n", b" ") if b"\n" in raw else raw


def own_sse_id(event: SourceEvent) -> str | None:
    """The SSE id of the event's own block; one that only goes on from an earlier event is not its own."""
    return (event.last_event_id or None) if event.has_own_id else None


class Identity:
    """Names events by a rule. `on_miss` is called for each event in which the rule finds no id."""

    def __init__(
        self, rule: Rule, *, wikimedia: bool, on_miss: Callable[[], None] = lambda: None
    ) -> None:
        self._rule = rule
        self._wikimedia = wikimedia
        self._on_miss = on_miss
        self.name: Namer = self._hashed if rule == SHA256 else self._ruled

    @property
    def by_meta(self) -> bool:
        """Whether `meta.id` is the id of each event that has one."""
        return self._rule == META_ID

    def name_unjudged(self, event: SourceEvent) -> str:
        """The id of an event that will not be sent, whatever its data: what its row would have had, if it can be told."""
        body = body_of(event)
        if not event.lost_bytes:
            found = self._find(event, body, parsed_id(body))
            if found and len(found) <= EVENT_MAX_CHARS:
                return found
        return self._hashed(event, body, None)[0]

    def _ruled(self, event: SourceEvent, body: bytes, meta_id: str | None) -> Named:
        found = self._find(event, body, meta_id)
        if found:
            return found, found != meta_id
        self._on_miss()
        return self._hashed(event, body, meta_id)

    def _find(self, event: SourceEvent, body: bytes, meta_id: str | None) -> str | None:
        if self._rule == SHA256:
            return None
        if self._rule == SSE:
            return own_sse_id(event)
        return meta_id if self.by_meta else find_id(body, self._rule)

    def _hashed(self, event: SourceEvent, body: bytes, meta_id: str | None) -> Named:
        sse_id = None if self._wikimedia else own_sse_id(event)
        return digest(body, sse_id), sse_id is not None or meta_id is not None
