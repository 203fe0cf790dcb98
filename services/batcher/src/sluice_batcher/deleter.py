"""Deletes: only what `Ledger` calls ready comes here, and every refused entry is tried again."""

import threading
from typing import Final

from sluice_core.clock import Clock
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.lifecycle import Stop
from sluice_core.logs import get_logger
from sluice_core.retry import Backoff
from sluice_core.sqs import QueueLike, Refused
from sluice_core.telemetry import Health

from sluice_batcher.held import Held, Ledger
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)
_AT_ONCE: Final = 500


class Deleter:
    """Deletes ready messages in tens. A message redelivered in the meantime goes by its newest handle."""

    def __init__(
        self, queue: QueueLike, *, clock: Clock, stop: Stop, metrics: Metrics, health: Health
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._stop = stop
        self._metrics = metrics
        self._health = health
        self._backoff = Backoff(cap=10.0)
        self._ready: dict[str, Held] = {}
        self._lock = threading.Lock()
        self.wake = threading.Event()

    def add(self, held: Held) -> None:
        """A message whose rows are stored and whose letters are accepted."""
        with self._lock:
            self._ready[held.message_id] = held
        self.wake.set()

    def __len__(self) -> int:
        """Messages that wait for their delete."""
        return len(self._ready)

    def step(self, ledger: Ledger) -> bool:
        """Deletes what waits; False when nothing waited. Waits by itself after a failure."""
        with self._lock:
            self.wake.clear()
            batch = list(self._ready.values())[:_AT_ONCE]
        if not batch:
            return False
        handles = [held.handle for held in batch]
        failed: dict[int, Refused] = {}
        try:
            failed = {entry.index: entry for entry in self._queue.delete(handles)}
        except (TemporaryError, PermanentError) as error:
            self._health.set_ready("delete", ready=False, why=str(error))
            failed = {
                index: Refused(index, type(error).__name__, str(error), permanent=False)
                for index in range(len(batch))
            }
        again = 0
        for index, held in enumerate(batch):
            entry = failed.get(index)
            if held.handle != handles[index] or (entry is not None and not entry.permanent):
                again += 1
                continue
            # A handle that SQS refuses for good is no longer ours to use. Should the message still be
            # there, it comes again and is recognised.
            with self._lock:
                self._ready.pop(held.message_id, None)
            ledger.deleted(held)
        self._metrics.deleted.inc(len(batch) - len(failed))
        self._metrics.delete_failures.inc(len(failed))
        if again and failed:
            first = next(iter(failed.values()))
            _log.warning("deletes failed", failed=len(failed), code=first.code, detail=first.detail)
            self._clock.wait(self._stop.forced_event, self._backoff.next())
        elif not failed:
            self._backoff.reset()
            self._health.set_ready("delete", ready=True)
        return True
