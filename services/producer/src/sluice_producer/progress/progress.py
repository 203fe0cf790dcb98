"""Between acknowledgement and checkpoint: what is settled, and when it is written.

At most a write in each `interval`, and only when something has moved; while writing fails the producer goes on, up to
an age at which reading pauses: a restart would repeat all of that time.
"""

import threading
from collections.abc import Callable, Sequence

from sluice_core.errors import TemporaryError
from sluice_core.service.logs import get_logger
from sluice_core.service.stop import Stop

from sluice_producer.metrics import Runtime
from sluice_producer.progress.acks import AckGroup, Acks
from sluice_producer.progress.checkpoint import Checkpoint
from sluice_producer.progress.ledger import Ledger
from sluice_producer.progress.tracker import Tracker

_log = get_logger(__name__)


class Progress:
    """Owns an event's way from read to acknowledged: `acks`, what they have settled, the checkpoint that holds it.

    A stage that saves the position, which follows the settled groups. `room`: bytes that may be unsettled;
    `max_age`, `interval` in seconds. All of it has one lock, and no file or request is waited for under it.

    `blocked`: no checkpoint could be written for too long, and reading must pause until one is.
    """

    name = "checkpoint"

    def __init__(
        self,
        tracker: Tracker,
        checkpoint: Checkpoint,
        ledger: Ledger,
        runtime: Runtime,
        *,
        room: int,
        max_age: float,
        interval: float,
    ) -> None:
        self.acks = Acks(self.settle, room=room)
        self.ledger = ledger
        self._tracker = tracker
        self._checkpoint = checkpoint
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._clock = runtime.clock
        self._max_age = max_age
        self._interval = interval
        self._lock = self.acks.lock
        self._closed = False
        self.wake = threading.Event()
        self._unsaved_since: float | None = None
        self._version = 0
        self._saved = threading.Event()
        self.blocked = False

    def settle(self, groups: Sequence[AckGroup]) -> None:
        """Everything in `groups`, and before them, has been accepted: ledger first, then the position."""
        self.ledger.write(groups)
        with self._lock:
            for group in groups:
                for record in group.records:
                    self._tracker.advance(record.event_id, record.sse_id, record.position)
            self._touch()

    def raise_floor(self, floor: int) -> None:
        """The source no longer has what was before `floor` (milliseconds)."""
        with self._lock:
            self._tracker.raise_floor(floor)
            self._touch()

    @property
    def age(self) -> float:
        """Seconds since the oldest progress that no checkpoint holds; 0 when there is none."""
        since = self._unsaved_since
        return 0.0 if since is None else max(0.0, self._clock.monotonic() - since)

    def wait_until_saved(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Waits while `blocked`; returns early when a stop is requested."""
        while self.blocked and not stop.requested:
            self._saved.clear()
            if self.blocked:
                beat()
                self._clock.wait(self._saved, 0.5)

    def save(self, *, always: bool = False) -> bool:
        """Writes the position if it has moved (or `always`); False when that failed for now. One thread's alone.

        Raises OwnershipError, PermanentError.
        """
        if self._unsaved_since is None and not always:
            return True
        with self._lock:
            state, version, taken = self._tracker.state(), self._version, self._clock.monotonic()
        try:
            self._checkpoint.save(state)
        except TemporaryError as error:
            self._failed(error)
            return False
        with self._lock:
            self._unsaved_since = None if version == self._version else taken
        self.blocked = False
        self._metrics.checkpoint_writes.labels("ok").inc()
        self._health.set_ready("checkpoint", ready=True)
        self._saved.set()
        return True

    def _failed(self, error: TemporaryError) -> None:
        self._metrics.checkpoint_writes.labels("failed").inc()
        self._health.set_ready("checkpoint", ready=False, why=str(error))
        _log.warning("checkpoint not written", why=str(error), age_seconds=round(self.age, 1))
        if self.age > self._max_age and not self.blocked:
            self.blocked = True
            _log.error(
                "reading pauses until a checkpoint can be written", age_seconds=round(self.age)
            )

    def step(self) -> bool:
        """Saves what has moved; at the end once more, whatever has. Raises OwnershipError, PermanentError."""
        self.save(always=self._closed)
        return False

    def due_in(self) -> float | None:
        """See `Stage`."""
        return self._interval

    def close(self) -> None:
        """See `Stage`: nothing more will be settled."""
        self._closed = True

    def _touch(self) -> None:
        self._version += 1
        if self._unsaved_since is None:
            self._unsaved_since = self._clock.monotonic()
