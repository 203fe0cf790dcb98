"""Chunks of the stream to events, by the rules of the HTML standard, in linear time and bounded memory.

requests-sse makes the connection; its own parser is not asked. It takes an id from an event that never arrived
whole, accepts ids with a NUL, strips every leading space of a value, glues data lines in quadratic time, formats
each event for a debug log that nobody reads, and dies on `retry: -5`. Rules:
https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from dataclasses import dataclass
from typing import Final

from requests_sse import MessageEvent

from sluice_producer.source.lines import LineSplitter

_DATA: Final = b"data: "
_COMMENT: Final = 0x3A


@dataclass(slots=True)
class SourceEvent(MessageEvent):
    """One event as the source sent it.

    `data` holds its data lines joined with LF, `last_event_id` the id in force (its own or an earlier one),
    `has_own_id` whether its own block had an id line, `lost_bytes` how much of it exceeded the limit.
    """

    type: str
    data: str
    has_own_id: bool = False
    lost_bytes: int = 0


class EventParser:
    """One connection's parser. `max_data`: bytes kept of a line, and of one event's data.

    An id counts from its line on, and is told with the events that arrive whole after it. `retry` is the
    reconnection time in seconds that the source asked for, None when it asked for none.
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
        events: list[SourceEvent] = []
        for line in self._splitter.feed(chunk):
            if line.startswith(_DATA):
                self._add_data(line[6:])
            elif line:
                if line[0] != _COMMENT:
                    self._field(line)
            else:
                if self._data:
                    events.append(self._event())
                self._own_id, self._type = False, b""
        return events

    def _event(self) -> SourceEvent:
        lines, self._data, self._size = self._data, [], 0
        body = lines[0] if len(lines) == 1 else b"\n".join(lines)
        dropped = self._splitter.dropped
        lost = self._lost + dropped - self._dropped_before
        self._lost, self._dropped_before = 0, dropped
        return SourceEvent(
            self._type.decode("utf-8", "replace") if self._type else "message",
            body.decode("utf-8", "replace"),
            "",
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
