"""The long poll: asks only while there is room, and knows how long what it got is its own and how old it was."""

import math
import threading
from collections.abc import Callable
from typing import Final

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import MissingResourceError, PermanentError, TemporaryError
from sluice_core.limits import SQS_BATCH_ENTRIES
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff
from sluice_core.service.runtime import Runtime

from sluice_batcher.metrics import Metrics
from sluice_batcher.receive.intake import Intake

_log = get_logger(__name__)
_ROOM_PAUSE = 0.05


class Receiver:
    """A receiving stage. `visibility` is the lease in seconds, `asked` what each receive asks for.

    `on_back` is called when a queue that was missing answers again, before its messages are taken in;
    `observe_age` hears how many seconds the oldest message of a receive was in the queue.
    """

    def __init__(
        self,
        name: str,
        queue: QueueLike,
        intake: Intake,
        *,
        has_room: Callable[[], bool],
        on_back: Callable[[], object] = lambda: None,
        observe_age: Callable[[float], object] = lambda _seconds: None,
        wait_seconds: int,
        visibility: int,
        asked: int | None,
        runtime: Runtime[Metrics],
    ) -> None:
        self.name = name
        self.wake = threading.Event()
        self._queue = queue
        self._intake = intake
        self._has_room = has_room
        self._on_back = on_back
        self._observe_age = observe_age
        self._missing = False
        self._wait = wait_seconds
        self._visibility = visibility
        self._asked = asked
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._backoff = Backoff(rng=runtime.rng)

    def step(self) -> bool:
        """See `Stage`: polls until the stop is requested; no receive begins after it."""
        if not self._stop.requested:
            self.poll()
        return not self._stop.requested

    def due_in(self) -> float | None:
        """See `Stage`."""
        return 0.0

    def close(self) -> None:
        """See `Stage`: an outstanding poll comes back by itself."""

    def poll(self) -> int:
        """One poll; gives the number of messages. Waits by itself when there is no room or SQS is away."""
        if not self._has_room():
            self._clock.wait(self._stop.event, _ROOM_PAUSE)
            return 0
        asked_at = self._clock.monotonic()
        try:
            messages = self._queue.receive(
                max_messages=SQS_BATCH_ENTRIES, wait_seconds=self._wait, visibility=self._asked
            )
        except (TemporaryError, PermanentError) as error:
            self._pause(error)
            return 0
        if self._missing:
            # Before a message of it is taken in: is this another queue than the one that was there?
            self._missing = False
            self._on_back()
        if self._backoff.failures:
            _log.info("receiving again")
            self._backoff.reset()
        self._health.set_ready("queue", ready=True)
        now = self._clock.monotonic()
        # SQS answers within the wait: if it took longer, this process was asleep while the lease ran.
        lease_until = min(now, asked_at + self._wait + 1) + self._visibility
        if messages:
            oldest = min(message.sent_at for message in messages)
            self._observe_age(max(0.0, self._clock.now() - oldest))
            self._intake.accept(messages, now=now, lease_until=lease_until)
        return len(messages)

    def _pause(self, error: TemporaryError | PermanentError) -> None:
        """Waits, whatever the error: the queue, or the right to it, may come back; a crash helps nobody."""
        self._metrics.receive_failures.inc()
        self._missing = self._missing or isinstance(error, MissingResourceError)
        at_least = error.delay if isinstance(error, TemporaryError) else 5.0
        delay = self._backoff.next(at_least=at_least)
        hint = (
            "waiting for it to be made" if isinstance(error, MissingResourceError) else "retrying"
        )
        self._health.set_ready("queue", ready=False, why=str(error))
        if self._backoff.failures in (1, 5) or self._backoff.failures % 20 == 0:
            _log.warning(
                f"receive failed, {hint}", why=str(error), retry_in_seconds=round(delay, 2)
            )
        self._clock.wait(self._stop.event, delay)


WINDOW: Final = 60.0
"""Seconds; the answer covers the present window and the one before."""


class RecentAge:
    """The greatest of the ages that were observed in the last one to two minutes; thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends = clock.monotonic() + WINDOW
        self._before = self._present = math.nan
        self._lock = threading.Lock()

    def observe(self, seconds: float) -> None:
        """One message is `seconds` old."""
        with self._lock:
            self._turn()
            if not self._present >= seconds:
                self._present = seconds

    def value(self) -> float:
        """Seconds; NaN when nothing was received: then nobody knows."""
        with self._lock:
            self._turn()
            known = [age for age in (self._before, self._present) if not math.isnan(age)]
            return max(known, default=math.nan)

    def _turn(self) -> None:
        late = self._clock.monotonic() - self._ends
        if late < 0:
            return
        self._before = self._present if late < WINDOW else math.nan
        self._present = math.nan
        self._ends += WINDOW * (1 + late // WINDOW)
