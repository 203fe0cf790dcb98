"""Deletes: only what `Ledger` calls ready comes here, and every refused entry is tried again."""

import threading
from collections import Counter
from typing import Final

from sluice_core.aws.sqs import QueueLike, Refused
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

from sluice_batcher.inflight.held import Deletion, Held, Ledger
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
        self.wake = threading.Event()

    def add(self, _held: Held) -> None:
        """A message whose rows are stored and whose letters are accepted: the ledger has it."""
        self.wake.set()

    def step(self, ledger: Ledger) -> bool:
        """Deletes what waits; False when nothing waited. Waits by itself after a failure."""
        self.wake.clear()
        batch = ledger.ready(_AT_ONCE)
        if not batch:
            return False
        failed: dict[int, Refused] = {}
        try:
            failed = {e.index: e for e in self._queue.delete([handle for _, handle in batch])}
        except (TemporaryError, PermanentError) as error:
            self._health.set_ready("delete", ready=False, why=str(error))
            failed = {
                index: Refused(index, type(error).__name__, str(error), permanent=False)
                for index in range(len(batch))
            }
        done: Counter[Deletion] = Counter()
        gone: Counter[Deletion] = Counter()
        for index, (held, handle) in enumerate(batch):
            entry = failed.get(index)
            if entry is not None and not entry.permanent:
                done[Deletion.AGAIN] += 1
                continue
            # A handle that SQS refuses for good is no longer ours to use.
            (done if entry is None else gone)[ledger.deleted(held, handle)] += 1
        again = done[Deletion.AGAIN] + gone[Deletion.AGAIN]
        self._metrics.deleted.inc(done[Deletion.FIRST])
        self._metrics.returned_lost.inc(gone[Deletion.FIRST])
        self._metrics.delete_failures.inc(len(failed))
        if again and failed:
            first = next(iter(failed.values()))
            _log.warning("deletes failed", failed=len(failed), code=first.code, detail=first.detail)
            self._clock.wait(self._stop.forced_event, self._backoff.next())
        elif not failed:
            self._backoff.reset()
            self._health.set_ready("delete", ready=True)
        return True
