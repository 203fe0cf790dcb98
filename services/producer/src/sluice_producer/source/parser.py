"""Lines to events: requests-sse's parser with its known faults taken out.

requests-sse 0.5.3 takes an id from an event that never arrived whole, accepts ids with a NUL, strips every
leading space of a value, formats each event for a debug log that nobody reads (four fifths of its time),
glues data lines in quadratic time, and dies on `retry: -5`. What it does line by line stays its own; the two
steps that these come from are replaced here, by the rules of
https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from dataclasses import dataclass
from typing import Any

from requests_sse import EventSource, MessageEvent

from sluice_producer.source.session import LineResponse


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


class Parser(EventSource):
    """One connection's parser. `max_data`: characters kept of one event's data.

    `retry` is the reconnection time in seconds that the source asked for, None when it asked for none.
    """

    def __init__(self, url: str, *, max_data: int, last_event_id: str = "", **options: Any) -> None:
        super().__init__(url, max_connect_retry=0, **options)
        self._max_data = max_data
        self._event_id = last_event_id
        self._event_type: str | None = None  # type: ignore[assignment]  # its own type is untold
        self._fields: list[str] = []
        self._size = 0
        self._own_id = False
        self._lost = 0
        self._dropped_before = 0
        self.retry: float | None = None

    def __next__(self) -> SourceEvent:
        """The next event; what the line source raises (end, time-out, network) passes through."""
        while True:
            try:
                return super().__next__()  # type: ignore[return-value]  # made by _dispatch_event below
            except UnicodeDecodeError:
                self._lines.repair()

    @property
    def response(self) -> LineResponse | None:
        """The response that is being read; None before `connect` and after `close`."""
        return self._response  # type: ignore[return-value]  # our session makes nothing else

    @property
    def encoding(self) -> str | None:
        """The response's Content-Encoding."""
        return None if self._response is None else self._response.headers.get("Content-Encoding")

    @property
    def _lines(self) -> LineResponse:
        return self._response  # type: ignore[return-value]  # set while events are read

    def _dispatch_event(self) -> SourceEvent | None:
        kind, self._event_type = self._event_type, None
        fields, own_id = self._fields, self._own_id
        self._own_id = False
        self._last_event_id = self._event_id
        if not fields:
            return None
        self._fields = []
        self._size = 0
        return SourceEvent(
            kind or "message",
            fields[0] if len(fields) == 1 else "\n".join(fields),
            self._origin or "",
            self._event_id,
            own_id,
            self._take_lost(),
        )

    def _process_field(self, field_name: str, field_value: str) -> None:
        raw = self._lines.current
        start = len(field_name) + 1
        if (
            raw[start : start + 2] == b"  "
        ):  # only one space belongs to the colon; all were stripped
            field_value = raw[start + 1 :].decode("utf-8", "replace")
        if field_name == "data":
            self._add_data(field_value)
        elif field_name == "id":
            if "\0" not in field_value:
                self._event_id = field_value
                self._own_id = True
        elif field_name == "event":
            self._event_type = field_value
        elif field_name == "retry" and field_value.isascii() and field_value.isdigit():
            self.retry = int(field_value[:12]) / 1000

    def _add_data(self, value: str) -> None:
        room = self._max_data - self._size
        self._size += len(value) + 1
        if len(value) > room:
            self._lost += len(value) - max(room, 0)
            value = value[: max(room, 0)]
        if room > 0:
            self._fields.append(value)

    def _take_lost(self) -> int:
        lost, self._lost = self._lost, 0
        dropped = self._lines.dropped
        if dropped != self._dropped_before:
            lost += dropped - self._dropped_before
            self._dropped_before = dropped
        return lost
