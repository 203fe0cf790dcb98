"""Chunks of the stream to events, by the rules of the HTML standard, in linear time and bounded memory.

requests-sse makes the connection; its own parser is not asked. It takes an id from an event that never arrived
whole, accepts ids with a NUL, strips every leading space of a value, glues data lines in quadratic time, formats
each event for a debug log that nobody reads, and dies on `retry: -5`. Rules:
https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from typing import Final

import msgspec

from sluice_producer.source.lines import LineSplitter

_MESSAGE: Final = "message"
_MESSAGES: Final = (b"message", b"")
_DATA: Final = b"data: "
_COMMENT: Final = 0x3A
_LF: Final = 0x0A


class SourceEvent(msgspec.Struct, gc=False):
    """One event as the source sent it.

    `raw` holds its data lines joined with LF, as valid UTF-8; `last_event_id` the id in force (its own or an
    earlier one), `has_own_id` whether its own block had an id line, `lost_bytes` how much of it exceeded the limit.
    """

    type: str
    raw: bytes
    last_event_id: str = ""
    has_own_id: bool = False
    lost_bytes: int = 0

    @property
    def data(self) -> str:
        """Its data as text."""
        return self.raw.decode()


class EventParser:
    """One connection's parser. `max_data`: bytes kept of a line, and of one event's data.

    An id counts from its line on, and is told with the events that arrive whole after it. `retry` is the
    reconnection time in seconds that the source asked for, None when it asked for none.

    An event that is whole in a chunk, in the form that nearly all have (a type or none, an id or none, one line of
    data), is cut out as it is; anything else goes line by line.
    """

    def __init__(self, *, max_data: int, last_event_id: str = "") -> None:
        self._splitter = LineSplitter(max_data)
        self._max_data = max_data
        self._event_id = last_event_id
        self._own_id = False
        self._type = b""
        self._data: list[bytes] = []
        self._size = 0
        self._lost = 0
        self._dropped_before = 0
        self.retry: float | None = None

    def feed(self, chunk: bytes) -> list[SourceEvent]:
        """The events that `chunk` completes."""
        chunk = self._splitter.clean(chunk)
        events: list[SourceEvent] = []
        at, length = 0, len(chunk)
        while at < length:
            if not self._under_way():
                at = self._whole(chunk, at, events)
            if at < length:
                # What was under way, is left of the chunk, or has another form.
                at = self._to_its_end(chunk, at, events)
        return events

    def _under_way(self) -> bool:
        splitter = self._splitter
        return bool(
            self._data
            or splitter.open
            or self._own_id
            or self._type
            or splitter.dropped != self._dropped_before
        )

    def _to_its_end(self, chunk: bytes, at: int, events: list[SourceEvent]) -> int:
        """Line by line through the next empty line, or to the end of the chunk; gives the place after it."""
        if chunk[at] == _LF and not self._splitter.open:
            end = at + 1
        else:
            end = chunk.find(b"\n\n", at) + 2
            end = end if end > 1 else len(chunk)
        for line in self._splitter.split(chunk[at:end]):
            if line.startswith(_DATA):
                self._add_data(line[6:])
            elif line:
                if line[0] != _COMMENT:
                    self._field(line)
            else:
                if self._data:
                    events.append(self._event())
                self._own_id, self._type = False, b""
        return end

    def _whole(self, chunk: bytes, at: int, events: list[SourceEvent]) -> int:
        """Takes whole events of the usual form, from between two events on; gives the place after them."""
        find, starts, last = chunk.find, chunk.startswith, len(chunk) - 1
        while True:
            begin, kind, sse_id = at, b"", None
            # One byte is looked for at a time: that is memchr's, a longer needle is not.
            if starts(b"event: ", begin):
                line, begin = begin + 7, find(b"\n", begin) + 1
                kind = chunk[line : begin - 1]
                if not begin:
                    return at
            if starts(b"id: ", begin):
                line, begin = begin + 4, find(b"\n", begin) + 1
                sse_id = chunk[line : begin - 1]
                if not begin:
                    return at
            if not starts(_DATA, begin):
                return at
            end = find(b"\n", begin)
            if not 0 <= end < last or chunk[end + 1] != _LF or end - at > self._max_data:
                return at
            if sse_id is not None:
                if b"\0" in sse_id:
                    return at
                self._event_id = sse_id.decode("utf-8", "replace")
            raw = chunk[begin + 6 : end]
            events.append(
                SourceEvent(
                    _MESSAGE if kind in _MESSAGES else kind.decode("utf-8", "replace"),
                    raw if raw.isascii() else _utf8(raw),
                    self._event_id,
                    sse_id is not None,
                )
            )
            at = end + 2

    def _event(self) -> SourceEvent:
        lines, self._data, self._size = self._data, [], 0
        body = lines[0] if len(lines) == 1 else b"\n".join(lines)
        dropped = self._splitter.dropped
        lost = self._lost + dropped - self._dropped_before
        self._lost, self._dropped_before = 0, dropped
        return SourceEvent(
            self._type.decode("utf-8", "replace") if self._type else _MESSAGE,
            _utf8(body),
            self._event_id,
            self._own_id,
            lost,
        )

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._add_data(value)
        elif name == b"id":
            if b"\0" not in value:
                self._event_id = value.decode("utf-8", "replace")
                self._own_id = True
        elif name == b"event":
            self._type = value
        elif name == b"retry" and value.isdigit():
            self.retry = int(value[:12]) / 1000

    def _add_data(self, value: bytes) -> None:
        room = self._max_data - self._size
        self._size += len(value) + 1
        if len(value) > room:
            self._lost += len(value) - max(room, 0)
            value = value[: max(room, 0)]
        if room > 0:
            self._data.append(value)


def _utf8(raw: bytes) -> bytes:
    """`raw`, with a replacement character for each thing that is not UTF-8 (the standard's decoding)."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").encode()
    return raw
