"""How a process is told to stop.

The first SIGTERM or SIGINT requests an orderly stop (drain, flush, checkpoint); the second, or the deadline,
forces it: leave at once. Both are safe at any moment, because nothing is deleted from SQS before S3 has it
and no checkpoint moves past what SQS has not accepted.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType

from sluice_core.clock import Clock


class Stop:
    """A two-step request to stop, shared by all threads of a process."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.forced_event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """Whether an orderly stop has been asked for."""
        return self.event.is_set()

    @property
    def forced(self) -> bool:
        """Whether the process must leave now."""
        return self.forced_event.is_set()

    def on_request(self, callback: Callable[[], None]) -> None:
        """Calls `callback` (quick, thread-safe, never raising) when the stop is requested, from that thread."""
        self._callbacks.append(callback)
        if self.requested:
            callback()

    def request(self) -> None:
        """Asks for an orderly stop; harmless when repeated."""
        if self.event.is_set():
            return
        self.event.set()
        for callback in list(self._callbacks):
            callback()

    def force(self) -> None:
        """Asks to leave at once."""
        self.request()
        self.forced_event.set()

    def install_signal_handlers(self) -> None:
        """SIGTERM and SIGINT: the first requests, the second forces. Main thread only."""

        def handle(_signal: int, _frame: FrameType | None) -> None:
            # A handler may interrupt a thread that holds one of the events' locks: hand over to a fresh one.
            target = self.force if self.requested else self.request
            threading.Thread(target=target, name="stop", daemon=True).start()

        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGINT, handle)

    def force_after(self, seconds: float, clock: Clock) -> threading.Thread:
        """Forces the stop `seconds` after it was requested; a daemon thread that ends with the process."""

        def watch() -> None:
            self.event.wait()
            if not clock.wait(self.forced_event, seconds):
                self.force()

        thread = threading.Thread(target=watch, name="stop-deadline", daemon=True)
        thread.start()
        return thread
