"""How Sluice waits before it tries again: capped exponential backoff with full jitter.

tenacity and stamina retry a call a number of times; here a loop must go on for ever, be interruptible by a
stop, honour a delay that the other side named and use the injected clock. That is these few lines.
"""

import random
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sluice_core.errors import TemporaryError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

_log = get_logger(__name__)
T = TypeVar("T")
_START_CAP: Final = 5.0
"""Seconds between two tries at a start, at most: somebody waits for it."""


class Backoff:
    """Delays in seconds: uniform in [0, min(cap, base · 2ⁿ)], n counting the failures since `reset`."""

    def __init__(
        self, *, base: float = 0.2, cap: float = 30.0, rng: random.Random | None = None
    ) -> None:
        self._base = base
        self._cap = cap
        self._rng = rng or random.Random()  # noqa: S311  (jitter, not a secret)
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures since the last `reset`."""
        return self._failures

    def reset(self) -> None:
        """Says that it worked: the next failure starts at `base` again."""
        self._failures = 0

    def next(self, *, at_least: float | None = None) -> float:
        """Counts a failure and gives the seconds to wait, never under `at_least` (a Retry-After)."""
        ceiling = min(self._cap, self._base * 2 ** min(self._failures, 32))
        self._failures += 1
        return max(self._rng.uniform(0, ceiling), at_least or 0.0)


class Stopped(Exception):  # noqa: N818  (not an error: somebody asked to stop)
    """The stop was forced before the call succeeded."""


def retry_forever(
    call: Callable[[], T],
    *,
    stop: Stop,
    clock: Clock,
    backoff: Backoff | None = None,
    on_error: Callable[[TemporaryError, float], None] | None = None,
    until_requested: bool = False,
) -> T:
    """`call()`'s result, however many TemporaryErrors it takes.

    `on_error` gets each error with the seconds until the next try. Raises Stopped when the stop is forced
    (or merely requested, with `until_requested`); other errors pass through.
    """
    pause = backoff or Backoff()
    while True:
        try:
            return call()
        except TemporaryError as error:
            delay = pause.next(at_least=error.delay)
            if on_error is not None:
                on_error(error, delay)
            event = stop.event if until_requested else stop.forced_event
            if clock.wait(event, delay):
                raise Stopped from error


class Waiting:
    """The one way to tell of something outside that is away: an `on_error` of `retry_forever`.

    `part` is its name in readiness and in the log; `stage`, when a stage does the waiting, keeps its heart
    beating. `hint` may add what to do about an error.
    """

    def __init__(
        self,
        part: str,
        health: Health,
        *,
        stage: str | None = None,
        hint: Callable[[TemporaryError], str] = lambda _error: "",
    ) -> None:
        self._part = part
        self._health = health
        self._stage = stage
        self._hint = hint

    def __call__(self, error: TemporaryError, delay: float) -> None:
        """Says what is waited for, why, and for how many seconds."""
        self._health.set_ready(self._part, ready=False, why=str(error))
        if self._stage is not None:
            self._health.beat(self._stage)
        hint = self._hint(error)
        _log.warning(
            "waiting",
            part=self._part,
            why=str(error),
            retry_in_seconds=round(delay, 2),
            **({"hint": hint} if hint else {}),
        )

    def over(self) -> None:
        """It is there again."""
        self._health.set_ready(self._part, ready=True)


def wait_at_start(
    part: str,
    call: Callable[[], T],
    runtime: Runtime[Any],
    *,
    hint: Callable[[TemporaryError], str] = lambda _error: "",
) -> T:
    """`call()`'s result once `part` is there: what a service cannot begin without. `hint`: see `Waiting`.

    Raises Stopped when a stop is requested first; other errors pass through.
    """
    waiting = Waiting(part, runtime.health, hint=hint)
    result = retry_forever(
        call,
        stop=runtime.stop,
        clock=runtime.clock,
        backoff=Backoff(cap=_START_CAP, rng=runtime.rng),
        on_error=waiting,
        until_requested=True,
    )
    waiting.over()
    return result
