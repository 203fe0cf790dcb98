"""Dead letters on their way, in a thread of their own: neither stream nor rows wait for the dead-letter queue.

What a dead letter was made from is let go of only when the dead-letter queue has accepted it. What waits is bounded:
when it is full, reading or receiving waits. A dead-letter queue that refuses for good (its policy, its size)
changes nothing of that: the dead letters are kept and tried again until somebody has repaired it, and readiness
says why.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sluice_core.aws.s3 import BucketLike
from sluice_core.aws.sqs import QueueLike
from sluice_core.deadletter.dead_letter import DeadLetter, DeadLetters
from sluice_core.errors import PermanentError
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff, Waiting
from sluice_core.service.runtime import Runtime

_log = get_logger(__name__)

PART: Final = "dead-letter queue"
"""What readiness calls it."""
_MAX_BYTES: Final = 64 * 2**20
_AT_ONCE: Final = 100


class Delivery(Protocol):
    """What sends dead letters: `dead_letter.DeadLetters`."""

    def send(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Returns when each is accepted; raises PermanentError when one is refused for good."""
        ...


@dataclass(frozen=True, slots=True)
class _Job:
    dead_letters: Sequence[DeadLetter]
    accepted: Callable[[], None]
    size: int


class DeadLetterOutbox:
    """A stage (`service.threads`) that sends dead letters, in order. `put` may be called from any thread.

    `count` hears, by reason, of dead letters that were accepted; `backlog` of how many jobs wait.
    """

    name = "dead-letters"

    def __init__(
        self,
        delivery: Delivery,
        runtime: Runtime[Any],
        *,
        count: Callable[[Mapping[str, int]], None] = lambda _by_reason: None,
        backlog: Callable[[int], None] = lambda _jobs: None,
    ) -> None:
        self._delivery = delivery
        self._health = runtime.health
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._backoff = Backoff(rng=runtime.rng)
        self._count = count
        self._backlog = backlog
        self._jobs: deque[_Job] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.refused = False
        self.wake = threading.Event()

    def put(self, dead_letters: Sequence[DeadLetter], accepted: Callable[[], None]) -> None:
        """Takes dead letters that belong together; `accepted` is called once, when the queue has them all."""
        job = _Job(
            dead_letters, accepted, sum(len(dead_letter.body) for dead_letter in dead_letters)
        )
        with self._lock:
            self._jobs.append(job)
            self._bytes += job.size
        self.wake.set()

    def __len__(self) -> int:
        """Jobs that are not accepted yet."""
        return len(self._jobs)

    @property
    def has_room(self) -> bool:
        """Whether more may come: not while too much waits, nor while the queue refuses for good."""
        return self._bytes < _MAX_BYTES and not self.refused

    def step(self) -> bool:
        """Sends what waits, a hundred jobs at most. Raises retry.Stopped when the stop is forced first."""
        with self._lock:
            jobs = [self._jobs[i] for i in range(min(_AT_ONCE, len(self._jobs)))]
        self._backlog(len(self._jobs))
        if not jobs:
            return False
        dead_letters = [dead_letter for job in jobs for dead_letter in job.dead_letters]
        try:
            self._delivery.send(dead_letters)
        except PermanentError as error:
            self.refused = True
            self._health.set_ready(PART, ready=False, why=str(error))
            delay = self._backoff.next(at_least=1.0)
            _log.error(
                "dead letters refused: repair the dead-letter queue, they are kept",
                why=str(error),
                dead_letters=len(dead_letters),
                retry_in_seconds=round(delay, 2),
            )
            self._clock.wait(self._stop.forced_event, delay)
            return not self._stop.forced
        self.refused = False
        self._backoff.reset()
        self._health.set_ready(PART, ready=True)
        self._count(Counter(dead_letter.reason for dead_letter in dead_letters))
        with self._lock:
            for job in jobs:
                self._jobs.popleft()
                self._bytes -= job.size
        for job in jobs:
            job.accepted()
        return True

    def due_in(self) -> float | None:
        """See `Stage`."""
        return None

    def close(self) -> None:
        """See `Stage`: what waits is still sent."""


def delivery(
    queue: QueueLike, bucket: BucketLike, runtime: Runtime[Any], *, max_message_bytes: int
) -> Delivery:
    """What an outbox delivers by: to `queue`, which is waited for and told of as long as it is away."""
    return DeadLetters(
        queue,
        bucket,
        stop=runtime.stop,
        clock=runtime.clock,
        rng=runtime.rng,
        on_error=Waiting(PART, runtime.health, stage=DeadLetterOutbox.name),
        max_message_bytes=max_message_bytes,
    )
