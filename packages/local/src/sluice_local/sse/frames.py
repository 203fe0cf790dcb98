"""Dialects: how a stream's events become SSE frames, and where a client's position is in it."""

import json
from collections.abc import Mapping
from typing import Protocol

from sluice_core.wire.event_id import digest

from sluice_local.events import OTHER_TOPIC, TOPIC, EventStream
from sluice_local.sse.position import BadPositionError, asked, starts


class Frames(Protocol):
    """The frames of one connection, in order, beginning with event `first`."""

    first: int
    oldest_asked: int | None

    def frame(self, n: int) -> bytes | None:
        """Event n as an SSE frame with its blank line; None when this client did not ask for it."""
        ...


class Dialect(Protocol):
    """One way to speak SSE."""

    def open(
        self,
        stream: EventStream,
        last_id: str | None,
        since: str | None,
        live: int,
        end: int | None,
    ) -> Frames:
        """A connection's frames; raises BadPositionError. `live` is the next new event's number."""
        ...

    def ledger_id(self, stream: EventStream, n: int) -> str:
        """The id under which event n must arrive at the far end."""
        ...

    def data(self, stream: EventStream, n: int) -> bytes:
        """Event n's data, as it is sent."""
        ...


class EventStreams:
    """Wikimedia's protocol: ids are positions per Kafka topic, event ids are in `meta.id`."""

    def open(
        self,
        stream: EventStream,
        last_id: str | None,
        since: str | None,
        live: int,
        end: int | None,
    ) -> Frames:
        """See `Dialect.open`."""
        wanted = asked(last_id, since)
        return _EventStreamsFrames(stream, starts(stream, wanted, live, end), wanted.oldest)

    def ledger_id(self, stream: EventStream, n: int) -> str:
        """`meta.id`."""
        return stream.event_id(n)

    def data(self, stream: EventStream, n: int) -> bytes:
        """See `Dialect.data`."""
        return stream.stamped(n)[1]


class _EventStreamsFrames:
    def __init__(
        self, stream: EventStream, first: Mapping[str, int], oldest_asked: int | None
    ) -> None:
        self.first = min(first.values())
        self.oldest_asked = oldest_asked
        self._stream = stream
        self._starts = first
        self._all_from = max(first.values())
        # A topic of which nothing was sent yet stands with the offset that its position led to, or
        # with Kafka's "latest" where none was asked for.
        positioned = oldest_asked is not None
        self._main = b'"offset":%d' % (
            stream.next_offset(TOPIC, first[TOPIC]) if positioned else -1
        )
        self._other = b'"offset":%d' % (
            stream.next_offset(OTHER_TOPIC, first[OTHER_TOPIC]) if positioned else -1
        )

    def frame(self, n: int) -> bytes | None:
        stream = self._stream
        canary = stream.is_canary(n)
        if n < self._all_from and n < self._starts[OTHER_TOPIC if canary else TOPIC]:
            return None
        at, data = stream.stamped(n)
        # The id's timestamp is the message's plus one, so that a resume does not repeat it.
        if canary:
            self._other = b'"timestamp":%d' % (at + 1)
        else:
            self._main = b'"timestamp":%d' % (at + 1)
        return _FRAME % (self._main, self._other, data)


class Generic:
    """A plain SSE source: small JSON events without ids of their own, numbered SSE ids."""

    def __init__(self, *, ids: bool = True) -> None:
        self._ids = ids

    def open(
        self,
        stream: EventStream,
        last_id: str | None,
        since: str | None,
        live: int,
        end: int | None,
    ) -> Frames:
        """See `Dialect.open`; `since` means nothing here, and a new client starts at the first."""
        if last_id and not (last_id.isascii() and last_id.isdigit()):
            raise BadPositionError("Last-Event-ID is not one of this stream's")
        return _GenericFrames(int(last_id) + 1 if last_id else 0, ids=self._ids)

    def ledger_id(self, stream: EventStream, n: int) -> str:
        """The SHA-256 of SSE id and data: what the producer's preset `generic` makes of them."""
        return digest(_generic_data(n), str(n) if self._ids else None)

    def data(self, stream: EventStream, n: int) -> bytes:
        """See `Dialect.data`."""
        return _generic_data(n)


class _GenericFrames:
    oldest_asked: int | None = None

    def __init__(self, first: int, *, ids: bool) -> None:
        self.first = first
        self._ids = ids

    def frame(self, n: int) -> bytes | None:
        data = _generic_data(n)
        return b"id: %d\ndata: %s\n\n" % (n, data) if self._ids else b"data: %s\n\n" % data


DIALECTS: Mapping[str, Dialect] = {
    "eventstreams": EventStreams(),
    "generic": Generic(),
    "anonymous": Generic(ids=False),
}

_FRAME = (
    b'event: message\nid: [{"topic":"%s","partition":0,%%s},{"topic":"%s","partition":0,%%s}]\n'
    b"data: %%s\n\n"
) % (TOPIC.encode(), OTHER_TOPIC.encode())


def _generic_data(n: int) -> bytes:
    return json.dumps({"n": n, "text": f"event {n} ✓", "even": n % 2 == 0}).encode()
