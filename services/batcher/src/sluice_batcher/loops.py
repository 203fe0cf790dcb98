"""Threads: a step again and again, with a heartbeat, until told to finish."""

import threading
from collections.abc import Callable

from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Stopped
from sluice_core.service.telemetry import Health

_log = get_logger(__name__)
MAX_SILENCE = 180.0
"""Seconds without a beat after which a loop is stuck: several times the longest call to AWS."""


class Loop:
    """Calls `step` until `finish` was asked for and `step` says (False) that there is nothing left to do.

    `idle` waits while there is nothing to do, and `wake` ends that wait. An error that nobody expected ends the loop and is told to
    `on_crash`: a batcher with a dead thread must not look alive.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        idle: Callable[[], object],
        *,
        health: Health,
        on_crash: Callable[[str], None],
        wake: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = name
        self._step = step
        self._idle = idle
        self._health = health
        self._on_crash = on_crash
        self._wake = wake
        self._finish = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread; from now on the loop promises to beat."""
        self._health.register(self.name, MAX_SILENCE)
        self._thread.start()

    def finish(self) -> None:
        """Asks the loop to end when it is idle."""
        self._finish.set()
        self._wake()

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for the end; True when it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                self._health.beat(self.name)
                finishing = self._finish.is_set()
                if self._step():
                    continue
                if finishing:
                    break
                self._idle()
        except Stopped:
            _log.debug("gave up, the queue keeps what is left", loop=self.name)
        except Exception:  # noqa: BLE001  (told, and the process ends: see above)
            _log.exception("loop crashed", loop=self.name)
            self._on_crash(self.name)
        finally:
            self._health.forget(self.name)
