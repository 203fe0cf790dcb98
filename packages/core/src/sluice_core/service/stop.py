"""How a process is told to stop.

The first SIGTERM or SIGINT requests an orderly stop (drain, flush, checkpoint); the second, or the deadline,
forces it: leave at once. Both are safe at any moment, because nothing is deleted from SQS before S3 has it
and no checkpoint moves past what SQS has not accepted.
"""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from sluice_core.service.clock import Clock

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


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
        """SIGTERM and SIGINT: the first requests, the second forces. Main thread only, once a process."""
        # The kernel may deliver a signal to any thread, and does so after a SIGCONT. Python's own handlers run
        # in the main thread alone, when that next wakes, and ours waits without end for this very request.
        # The wake-up descriptor is written at once, whichever thread it was.
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

        def listen() -> None:
            while numbers := os.read(read_end, 16):
                for number in numbers:
                    if number in _STOP_SIGNALS:
                        (self.force if self.requested else self.request)()

        threading.Thread(target=listen, name="signals", daemon=True).start()
        for number in _STOP_SIGNALS:
            signal.signal(number, _noted)

    def leave_after(
        self, seconds: float, clock: Clock, leave: Callable[[], None]
    ) -> threading.Thread:
        """Calls `leave` when the process is still there `seconds` after the stop was requested.

        The last resort: a call that hangs in the main thread, at the start or at the end, must not outlast the
        grace period. A daemon thread that ends with the process.
        """

        def watch() -> None:
            self.event.wait()
            clock.wait(threading.Event(), seconds)
            leave()

        thread = threading.Thread(target=watch, name="last-resort", daemon=True)
        thread.start()
        return thread


def _noted(_signal: int, _frame: FrameType | None) -> None:
    """Takes the place of the default action; the wake-up descriptor does the rest."""
