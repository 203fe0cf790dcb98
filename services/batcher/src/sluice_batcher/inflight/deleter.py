"""Deletes: only what `InFlight` calls ready comes here, and every refused entry is tried again."""

import threading
from collections import Counter
from typing import Final

from sluice_core.aws.sqs import QueueLike, Refused
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff
from sluice_core.service.runtime import Runtime

from sluice_batcher.inflight.held import Deletion, InFlight
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)
_AT_ONCE: Final = 500


class Deleter:
    """A stage that deletes ready messages in tens. `wake` is set when there is one. A message redelivered in the meantime goes by its newest handle."""

    name = "deleter"

    def __init__(
        self,
        queue: QueueLike,
        in_flight: InFlight,
        runtime: Runtime[Metrics],
        *,
        wake: threading.Event,
    ) -> None:
        self._queue = queue
        self._in_flight = in_flight
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._backoff = Backoff(cap=10.0, rng=runtime.rng)
        self.wake = wake

    def due_in(self) -> float | None:
        """See `Stage`."""
        return None

    def close(self) -> None:
        """See `Stage`: what is ready is still deleted."""

    def step(self) -> bool:
        """Deletes what waits; False when nothing waited. Waits by itself after a failure."""
        self.wake.clear()
        batch = self._in_flight.ready(_AT_ONCE)
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
            (done if entry is None else gone)[self._in_flight.deleted(held, handle)] += 1
        again = done[Deletion.AGAIN] + gone[Deletion.AGAIN]
        self._metrics.deleted.inc(done[Deletion.FIRST])
        self._metrics.returned_lost.inc(gone[Deletion.FIRST])
        self._metrics.delete_failures.inc(len(failed))
        if again and failed:
            first = next(iter(failed.values()))
            _log.warning(
                "deletes failed", messages=len(failed), why=f"{first.code}: {first.detail}"
            )
            self._clock.wait(self._stop.forced_event, self._backoff.next())
        elif not failed:
            self._backoff.reset()
            self._health.set_ready("delete", ready=True)
        return True
