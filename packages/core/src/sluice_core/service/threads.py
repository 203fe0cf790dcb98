"""What a thread drives, and the threads: each tells that it lives, and stops the others when it fails.

A service's parts are a list of stages in the order in which data flows. The same list, walked, is the drain: a
stage is closed when those before it have ended, so that nothing more comes, works off what it has, and ends. The
interface is getsentry/arroyo's (submit, poll, close, terminate, join) in fewer words: `step` polls, `close` closes,
`Threads` joins, and a forced stop terminates. How work is submitted is each stage's own.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sluice_core.errors import SluiceError
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Stopped
from sluice_core.service.runtime import Runtime

_log = get_logger(__name__)

MAX_SILENCE: Final = 180.0
"""Seconds without a heartbeat after which a stage is stuck: several times the longest call to AWS."""
IDLE_SECONDS: Final = 1.0
"""A stage without work is asked again after so long at most, whatever it says: its heart must beat."""
_SLICE: Final = 0.05


class Stage(Protocol):
    """One part with work of its own.

    `name` is unique in its process: its thread, its heartbeat and its log lines carry it.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def wake(self) -> threading.Event:
        """Set when there may be work before `due_in` is over; cleared by whoever waits for it."""
        ...

    def step(self) -> bool:
        """Does what is due; True when it should be called again at once.

        Raises `retry.Stopped` when a stop was forced in the middle; anything else that it raises is the end
        of the process.
        """
        ...

    def due_in(self) -> float | None:
        """Seconds until `step` has something to do, as far as is known; None when only `wake` can tell."""
        ...

    def close(self) -> None:
        """Nothing more will come. `step` works off the rest; once it returns False the stage has ended."""
        ...


@dataclass
class _Driver:
    stage: Stage
    thread: threading.Thread
    closed: threading.Event = field(default_factory=threading.Event)


class Threads:
    """Runs stages, a thread each, and walks them when they have to end.

    `failure`: what the first stage that failed has raised. Threads are daemons: one that hangs in a call cannot
    hold the process's exit.
    """

    def __init__(self, runtime: Runtime[Any]) -> None:
        self._stop = runtime.stop
        self._clock = runtime.clock
        self._health = runtime.health
        self._drivers: dict[str, _Driver] = {}
        self.failure: BaseException | None = None

    def start(
        self, stage: Stage, *, force_on_failure: bool = False, max_silence: float = MAX_SILENCE
    ) -> None:
        """Drives `stage` from now on.

        When it raises, an orderly stop is requested, or forced where without it the others could not drain.
        """

        def run() -> None:
            try:
                self._drive(driver)
            except Stopped:
                _log.debug("gave up, the queue keeps what is left", stage=stage.name)
            except BaseException as error:  # noqa: BLE001  (handed to the main thread, which raises it)
                expected = isinstance(error, SluiceError)
                _log.error(
                    "failed for good", stage=stage.name, why=str(error), exc_info=not expected
                )
                self._health.set_ready(stage.name, ready=False, why="failed for good")
                self.failure = self.failure or error
                (self._stop.force if force_on_failure else self._stop.request)()
            finally:
                self._health.forget(stage.name)

        driver = _Driver(stage, threading.Thread(target=run, name=stage.name, daemon=True))
        self._drivers[stage.name] = driver
        self._health.register(stage.name, max_silence)
        driver.thread.start()

    def close(self, stages: Iterable[Stage], *, seconds: float | None = None) -> bool:
        """Closes `stages`, which end side by side, and waits for them, `seconds` at most (None: as it takes).

        True when all have ended; a forced stop waits for none.
        """
        drivers = [self._drivers[stage.name] for stage in stages if stage.name in self._drivers]
        for driver in drivers:
            driver.stage.close()
            driver.closed.set()
            driver.stage.wake.set()
        deadline = None if seconds is None else self._clock.monotonic() + seconds
        return all(self._join(driver.thread, deadline) for driver in drivers)

    def drain(self, stages: Iterable[Stage], *, seconds: float) -> bool:
        """Closes `stages` one after the other, as data flows through them, within `seconds` for all.

        True when all have ended. Those for which no time was left are closed, too.
        """
        deadline = self._clock.monotonic() + seconds
        ended = [
            self.close([stage], seconds=max(0.0, deadline - self._clock.monotonic()))
            for stage in stages
        ]
        return all(ended)

    def _drive(self, driver: _Driver) -> None:
        stage = driver.stage
        while not self._stop.forced:
            self._health.beat(stage.name)
            closed = driver.closed.is_set()
            if stage.step():
                continue
            if closed:
                return
            due = stage.due_in()
            self._clock.wait(stage.wake, IDLE_SECONDS if due is None else min(due, IDLE_SECONDS))
            stage.wake.clear()

    def _join(self, thread: threading.Thread, deadline: float | None) -> bool:
        while thread.is_alive() and not self._stop.forced:
            thread.join(_SLICE)
            if deadline is not None and self._clock.monotonic() >= deadline:
                break
        return not thread.is_alive()
