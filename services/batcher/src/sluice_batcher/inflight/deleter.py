"""Deletes: only what `InFlight` calls ready comes here, and every refused entry is tried again.

A request costs the same for one message as for ten, and SQS bills it so: messages of several batches go together,
as soon as there are ten, or the first of them has waited for a second. A drain waits for nothing.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Final

from sluice_core.aws.sqs import QueueLike, RefusedEntry
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.limits import SQS_BATCH_ENTRIES
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff
from sluice_core.service.runtime import Runtime

from sluice_batcher.inflight.held import Deletion, InFlight, Lease
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)
_AT_ONCE: Final = 500
PATIENCE: Final = 1.0
"""Seconds that a message may wait for others to be deleted with."""


class Deleter:
    """A stage that deletes ready messages in tens. `wake` is set when there is another. A message redelivered in the meantime goes by its newest handle."""

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
        self._since: float | None = None
        self._closing = False
        self.wake = wake

    def due_in(self) -> float | None:
        """See `Stage`."""
        if self._since is None:
            return None
        return max(0.0, self._since + PATIENCE - self._clock.monotonic())

    def close(self) -> None:
        """See `Stage`: what is ready is still deleted."""
        self._closing = True

    def step(self) -> bool:
        """Deletes what is due; False when nothing is. Waits by itself after a failure."""
        self.wake.clear()
        ready = self._in_flight.ready(_AT_ONCE)
        now = self._clock.monotonic()
        since = now if self._since is None else self._since
        due = len(ready)
        if not self._closing and now < since + PATIENCE:
            due -= due % SQS_BATCH_ENTRIES
        # Who is left has waited since then at most.
        self._since = since if due < len(ready) else None
        return self._delete(ready[:due])

    def delete_now(self) -> bool:
        """Deletes what is ready, due or not; False when nothing is."""
        self._since = None
        return self._delete(self._in_flight.ready(_AT_ONCE))

    def _delete(self, batch: Sequence[Lease]) -> bool:
        if not batch:
            return False
        failed: dict[int, RefusedEntry] = {}
        try:
            failed = {e.index: e for e in self._queue.delete([handle for _, handle in batch])}
        except (TemporaryError, PermanentError) as error:
            self._health.set_ready("delete", ready=False, why=str(error))
            failed = {
                index: RefusedEntry(index, type(error).__name__, str(error), permanent=False)
                for index in range(len(batch))
            }
        done: Counter[Deletion] = Counter()
        gone: Counter[Deletion] = Counter()
        if failed:
            # A handle that SQS refuses for good is no longer ours to use.
            refused = [batch[index] for index, entry in failed.items() if entry.permanent]
            gone.update(self._in_flight.deleted(refused))
            done[Deletion.AGAIN] = len(failed) - len(refused)
            batch = [lease for index, lease in enumerate(batch) if index not in failed]
        done.update(self._in_flight.deleted(batch))
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
