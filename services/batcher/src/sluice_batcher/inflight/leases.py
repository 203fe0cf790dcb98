"""Leases: the visibility timeout of everything held is extended at half-life, up to SQS's 12 hours.

A lease that lapses is not mended here: the message is visible to others again, and the flush drops it.
"""

import threading
from collections.abc import Sequence

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime

from sluice_batcher.inflight.held import InFlight, Lease
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)


class LeaseKeeper:
    """A stage that extends leases. `visibility` is the lease's length in whole seconds."""

    name = "leases"

    def __init__(
        self,
        queue: QueueLike,
        in_flight: InFlight,
        runtime: Runtime[Metrics],
        *,
        visibility: int,
    ) -> None:
        self._queue = queue
        self._in_flight = in_flight
        self._visibility = visibility
        self._clock = runtime.clock
        self._metrics = runtime.metrics
        self.pause = min(1.0, visibility / 10)
        self.wake = threading.Event()

    def due_in(self) -> float | None:
        """See `Stage`."""
        return self.pause

    def close(self) -> None:
        """See `Stage`: nothing is held any more that is not handed back."""

    def step(self) -> bool:
        """Extends every lease that is past its half-life; to be called every `pause` seconds."""
        now = self._clock.monotonic()
        for seconds, leases in self._in_flight.due_leases(now, self._visibility).items():
            self._extend(leases, seconds)
        return False

    def _extend(self, leases: Sequence[Lease], seconds: int) -> None:
        before = self._clock.monotonic()
        try:
            answer = self._queue.extend([handle for _, handle in leases], seconds)
        except (TemporaryError, PermanentError) as error:
            if isinstance(error, PermanentError):
                self._in_flight.forbid()
            self._metrics.extension_failures.inc(len(leases))
            _log.warning("leases not extended", messages=len(leases), why=str(error))
            return
        refused = {entry.index: entry for entry in answer}
        self._in_flight.extended(leases, before + seconds, refused)
        self._metrics.extensions.inc(len(leases) - len(refused))
        if refused:
            self._metrics.extension_failures.inc(len(refused))
            first = next(iter(refused.values()))
            _log.warning("leases not extended", messages=len(refused), why=first.code)
