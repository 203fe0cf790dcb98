"""The process's threads: started, watched, waited for. One that fails stops them all."""

import threading
from collections.abc import Callable

from sluice_core.errors import SluiceError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.stop import Stop

_log = get_logger(__name__)


class Crew:
    """`failure`: what the first failing thread raised. Threads are daemons: a stuck one cannot hold the exit."""

    def __init__(self, stop: Stop, clock: Clock) -> None:
        self._stop = stop
        self._clock = clock
        self._threads: dict[str, threading.Thread] = {}
        self.failure: BaseException | None = None

    def start(self, name: str, work: Callable[[], None], *, orderly: bool = False) -> None:
        """Runs `work` in a thread. When it raises, the stop is forced, or merely requested if `orderly`."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  (handed to the main thread, which raises it)
                trace = not isinstance(error, SluiceError)
                _log.error("failed for good", thread=name, why=str(error), exc_info=trace)
                self.failure = self.failure or error
                (self._stop.request if orderly else self._stop.force)()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def join(self, name: str, seconds: float | None = None) -> None:
        """Waits for a thread, `seconds` at most; a forced stop leaves it behind."""
        thread = self._threads[name]
        until = None if seconds is None else self._clock.monotonic() + seconds
        while thread.is_alive() and not self._stop.forced:
            thread.join(0.05)
            if until is not None and self._clock.monotonic() > until:
                return
