"""Dead letters on their way: a message with a bad event is deleted only after its letter was accepted.

They are sent by a thread of their own, so that a dead-letter queue that is away does not stop the rows; what
waits is bounded, and when it is full receiving stops.
"""

import threading
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, Protocol

from sluice_core.deadletter import DeadLetter
from sluice_core.errors import PermanentError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

from sluice_batcher.inflight.held import Held, Ledger
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)
_MAX_BYTES: Final = 64 * 2**20
_JOBS: Final = 100


class Sender(Protocol):
    """What sends letters: `sluice_core.deadletter.DeadLetters`."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Returns when each is accepted."""
        ...


class PoisonDesk:
    """Takes letters in, sends them, and then lets go of their message."""

    def __init__(
        self,
        sender: Sender,
        ledger: Ledger,
        *,
        clock: Clock,
        stop: Stop,
        metrics: Metrics,
        health: Health,
    ) -> None:
        self._sender = sender
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._metrics = metrics
        self._health = health
        self._backoff = Backoff()
        self._jobs: deque[tuple[Held, list[DeadLetter]]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.wake = threading.Event()

    def add(self, held: Held, letters: list[DeadLetter]) -> None:
        """The message's letters; it must have a duty (`Held.pending`) for them."""
        with self._lock:
            self._jobs.append((held, letters))
            self._bytes += sum(len(letter.body) for letter in letters)
        self.wake.set()

    @property
    def has_room(self) -> bool:
        """Whether more letters may come."""
        return self._bytes < _MAX_BYTES

    def step(self) -> bool:
        """Sends what waits, up to a hundred messages' letters; False when nothing waited.

        Raises retry.Stopped when the stop is forced before the letters are accepted.
        """
        with self._lock:
            jobs = [self._jobs[i] for i in range(min(_JOBS, len(self._jobs)))]
        self._metrics.poison_backlog.set(len(self._jobs))
        if not jobs:
            self.wake.clear()
            return bool(self._jobs)
        letters = [letter for _, job in jobs for letter in job]
        try:
            self._sender.send(letters)
        except PermanentError as error:
            # Somebody must repair the queue or the policy; the originals stay ours until then.
            _log.error("dead letters refused", error=str(error), letters=len(letters))
            self._health.set_ready("dead-letter queue", ready=False, why=str(error))
            self._clock.wait(self._stop.forced_event, self._backoff.next(at_least=1.0))
            return not self._stop.forced
        self._backoff.reset()
        self._health.set_ready("dead-letter queue", ready=True)
        for reason, count in Counter(letter.reason for letter in letters).items():
            self._metrics.poison.labels(reason).inc(count)
        with self._lock:
            for _, job in jobs:
                self._jobs.popleft()
                self._bytes -= sum(len(letter.body) for letter in job)
        for held, _ in jobs:
            self._ledger.fulfil(held)
        return True
