"""One client's way through the log, up to the end, the 15-minute cut or a fault."""

import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from sluice_local.sse.faults import Faults
from sluice_local.sse.frames import Dialect, Frames
from sluice_local.sse.log import EventLog

_CHUNK: Final = 200
"""Events a chunk: about 250 kB, which keeps the cost of a write small beside that of the events."""

AtEnd = Literal["hold", "end", "stop"]


@dataclass(frozen=True)
class ServerOptions:
    """How the server behaves; times in seconds.

    `retention`: an older position is answered with 400. `max_connection`: EventStreams ends every
    connection after 15 minutes. `at_end`: after the last event hold the connection open and silent,
    end it, or end it and answer 204 ("do not come back") to a client that has everything.
    """

    dialect: str = "eventstreams"
    retention: float = 7 * 86_400.0
    max_connection: float = 900.0
    at_end: AtEnd = "hold"
    faults: Faults = field(default_factory=Faults)


class Feed:
    """One client's way through the log."""

    def __init__(
        self,
        connection: socket.socket,
        write: Callable[[bytes], None],
        log: EventLog,
        options: ServerOptions,
        stopping: threading.Event,
    ) -> None:
        self._connection = connection
        self._write = write
        self._log = log
        self._options = options
        self._stopping = stopping
        self._deadline = time.monotonic() + options.max_connection

    def run(self, dialect: Dialect, frames: Frames) -> bool:
        """Sends until something ends it; True for an orderly end of the response."""
        n = frames.first
        while not self._stopping.is_set() and time.monotonic() < self._deadline:
            high = min(self._log.available(), n + _CHUNK)
            fault_at = self._options.faults.next_at()
            if fault_at is not None and fault_at <= n < high:
                kind = self._options.faults.take(n)
                if kind == "silence":
                    self._silence()
                elif kind == "mid":
                    self._half(frames, n)
                return False
            if fault_at is not None:
                high = min(high, max(fault_at, n))
            if n < high:
                self._send(dialect, frames, n, high)
                n = high
            elif self._log.count is not None and n >= self._log.count:
                if self._options.at_end != "hold":
                    return True
                self._silence()
                return True
            elif self._client_gone(self._log.due_in(n)):
                return False
        return not self._stopping.is_set()

    def _send(self, dialect: Dialect, frames: Frames, low: int, high: int) -> None:
        ready = [frame for n in range(low, high) if (frame := frames.frame(n)) is not None]
        # Noted before it is sent: an event that a client has is never missing from the ledger.
        self._log.handed_out(dialect, low, high)
        if ready:
            self._write(b"".join(ready))

    def _half(self, frames: Frames, n: int) -> None:
        frame = frames.frame(n) or b""
        cut = frame.index(b"data: ") + (len(frame) - frame.index(b"data: ")) // 2 if frame else 0
        self._write(frame[:cut] or b":\n")

    def _silence(self) -> None:
        while not self._stopping.is_set() and time.monotonic() < self._deadline:
            if self._client_gone(0.5):
                return

    def _client_gone(self, seconds: float) -> bool:
        """Waits, at most half a second, and tells whether the client closed its side meanwhile."""
        readable, _, _ = select.select([self._connection], [], [], min(seconds, 0.5))
        return bool(readable) and not self._connection.recv(4096)
