"""The log that the server offers: which events exist by now, and which were handed out."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

from sluice_core.wire.event_id import short_digest

from sluice_local.events import EventStream
from sluice_local.sse.frames import Dialect

FAST_INTERVAL_MS = 0.1
"""Event time between two events when no rate sets it: 10,000 events a second."""


class SourceLedger(Protocol):
    """Takes note of each event the first time that it is handed to a client."""

    def offered(self, stream: EventStream, dialect: Dialect, low: int, high: int) -> None:
        """Events low … high − 1 go out for the first time."""
        ...


class NoLedger:
    """Takes no notes."""

    def offered(self, stream: EventStream, dialect: Dialect, low: int, high: int) -> None:
        """Nothing."""


class SourceLedgerFile:
    """One JSON object a line: the event's id, its number, state "offered" or "canary", and its digest.

    Two events that share an id (`sluice_core.wire.event_id.short_digest` of their data differs) can be told apart.
    """

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", buffering=1 << 16)

    def offered(self, stream: EventStream, dialect: Dialect, low: int, high: int) -> None:
        """See `Ledger.offered`; flushed, so that the file is whole up to the last event sent."""
        for n in range(low, high):
            state = "canary" if stream.is_canary(n) else "offered"
            entry = {"id": dialect.ledger_id(stream, n), "n": n, "state": state}
            entry["digest"] = short_digest(dialect.data(stream, n))
            self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


class EventLog:
    """Events appear at `rate` a second from the first connection on, or all at once with rate 0.

    Without `start_ms` the first event's time is that of the first connection, so that a client which
    asks for everything since its own start misses nothing. `count` None means without end.
    """

    def __init__(
        self,
        seed: int,
        count: int | None,
        rate: float,
        *,
        start_ms: int | None = None,
        interval_ms: float | None = None,
        ledger: SourceLedger | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.count = count
        self._seed = seed
        self._rate = rate
        self._start_ms = start_ms
        self._interval_ms = interval_ms or (1000 / rate if rate else FAST_INTERVAL_MS)
        self._ledger = ledger or NoLedger()
        self._now = now
        self._lock = threading.Lock()
        self._opened: float | None = None
        self._stream: EventStream | None = None
        self._sent = 0

    def open(self) -> EventStream:
        """The stream; the first call starts its time."""
        with self._lock:
            if self._stream is None:
                self._opened = self._now()
                start = round(self._opened * 1000) if self._start_ms is None else self._start_ms
                self._stream = EventStream(self._seed, start, self._interval_ms)
            return self._stream

    @property
    def live(self) -> int:
        """The number of the next new event: where a client starts that asks for no position.

        The first client starts with the first event, however long its connection took.
        """
        return self.available() if self._rate and self._sent else self._sent

    @property
    def sent(self) -> int:
        """One more than the highest number that was handed to a client."""
        return self._sent

    @property
    def finished(self) -> bool:
        """Whether every event was handed to a client at least once."""
        return self.count is not None and self._sent >= self.count

    def available(self) -> int:
        """How many events exist by now."""
        if self._opened is None:
            return 0
        if not self._rate:
            return self.count if self.count is not None else 2**62
        there = int((self._now() - self._opened) * self._rate) + 1
        return there if self.count is None else min(there, self.count)

    def due_in(self, n: int) -> float:
        """Seconds until event n exists."""
        if self._opened is None or not self._rate:
            return 0.0
        return max(0.0, self._opened + n / self._rate - self._now())

    def newest_ms(self) -> int:
        """About the newest event's timestamp, in epoch milliseconds."""
        stream = self.open()
        there = self.available() if self._rate else self._sent
        return stream.start_ms + int(max(there - 1, 0) * stream.interval_ms)

    def handed_out(self, dialect: Dialect, low: int, high: int) -> None:
        """Events low … high − 1 were given to a client; the new ones among them enter the ledger.

        So do those that a client passed over when it came back: a resume in the wrong place must show in the
        account as lost events, not as events that there never were.
        """
        stream = self.open()
        with self._lock:
            new_from = self._sent or low
            if high > new_from:
                self._ledger.offered(stream, dialect, new_from, high)
                self._sent = high
