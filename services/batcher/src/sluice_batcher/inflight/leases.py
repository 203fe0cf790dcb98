"""Leases: the visibility timeout of everything held is extended at half-life, up to SQS's 12 hours.

A lease that lapses is not mended here: the message is visible to others again, and the flush drops it.
"""

from collections.abc import Sequence

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger

from sluice_batcher.inflight.held import Lease, Ledger
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)


class LeaseKeeper:
    """Extends leases. `visibility` is the lease's length in whole seconds."""

    def __init__(
        self,
        queue: QueueLike,
        ledger: Ledger,
        *,
        visibility: int,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self._visibility = visibility
        self._clock = clock
        self._metrics = metrics
        self.pause = min(1.0, visibility / 10)

    def step(self) -> None:
        """Extends every lease that is past its half-life; to be called every `pause` seconds."""
        now = self._clock.monotonic()
        for seconds, leases in self._ledger.due_leases(now, self._visibility).items():
            self._extend(leases, seconds)

    def _extend(self, leases: Sequence[Lease], seconds: int) -> None:
        before = self._clock.monotonic()
        try:
            answer = self._queue.extend([handle for _, handle in leases], seconds)
        except (TemporaryError, PermanentError) as error:
            if isinstance(error, PermanentError):
                self._ledger.forbid()
            self._metrics.extension_failures.inc(len(leases))
            _log.warning("leases not extended", messages=len(leases), error=str(error))
            return
        refused = {entry.index: entry for entry in answer}
        self._ledger.extended(leases, before + seconds, refused)
        self._metrics.extensions.inc(len(leases) - len(refused))
        if refused:
            self._metrics.extension_failures.inc(len(refused))
            first = next(iter(refused.values()))
            _log.warning("leases not extended", messages=len(refused), code=first.code)
