"""The way out: no new receive, the outstanding polls come back, flush, delete, hand back the rest.

With `SLUICE_DRAIN=return` a batch that is not full yet is part of that rest: where other batchers go on, a
stop should not cost a small object.

All within the grace period, of which a part is kept for handing back. Whatever does not fit stays in the
queue: its lease runs out, and somebody else gets it. A batch of which S3 took some partitions and not yet the
others is handed back as a whole, so that a stop in the middle of an outage of S3 may give duplicates.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.limits import SQS_BATCH_ENTRIES
from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.threads import Stage, Threads

from sluice_batcher.inflight.held import InFlight, Lease
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)
_SLICE: Final = 0.05
_HAND_BACK_SHARE: Final = 0.2
_HAND_BACK_SECONDS: Final = 3.0
_HAND_BACK_THREADS: Final = 8


class Drain:
    """Walks the stages to their end. `patience` is the stop of those that wait for AWS: forced when time is up."""

    def __init__(
        self,
        queue: QueueLike,
        in_flight: InFlight,
        runtime: Runtime[Metrics],
        *,
        patience: Stop,
    ) -> None:
        self._queue = queue
        self._in_flight = in_flight
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._patience = patience
        self._metrics = runtime.metrics

    def run(self, threads: Threads, stages: Sequence[Stage], *, grace: float) -> bool:
        """Closes `stages` in their order, within `grace` seconds, and hands the rest back.

        True when the stop was orderly (everything stored or handed back), False when it was forced.
        """
        started = self._clock.monotonic()
        reserve = min(_HAND_BACK_SECONDS, grace * _HAND_BACK_SHARE)
        _log.info("draining", messages=len(self._in_flight), grace_seconds=grace)
        threads.drain(stages, seconds=grace - reserve)
        self._patience.force()
        if self._stop.forced:
            _log.warning(
                "forced to stop, the queue keeps what is left", messages=len(self._in_flight)
            )
            return False
        self._hand_back(started + grace)
        _log.info("drained", seconds=round(self._clock.monotonic() - started, 2))
        return True

    def _hand_back(self, deadline: float) -> None:
        """Everything unwritten becomes visible now, for somebody who has more time."""
        rest = self._in_flight.unwritten()
        if not rest:
            return
        parts = [rest[i : i + SQS_BATCH_ENTRIES] for i in range(0, len(rest), SQS_BATCH_ENTRIES)]
        # Not joined: a call that hangs must not hold the process past its grace period. What it was to hand
        # back comes back by itself when its lease runs out.
        pool = ThreadPoolExecutor(_HAND_BACK_THREADS, thread_name_prefix="hand-back")
        calls = [pool.submit(self._return, part, deadline) for part in parts]
        while not all(call.done() for call in calls) and not self._over(deadline):
            wait(calls, timeout=_SLICE)
        pool.shutdown(wait=False, cancel_futures=True)
        returned = sum(call.result() for call in calls if call.done() and not call.cancelled())
        _log.warning("messages handed back unwritten", returned=returned, left=len(rest) - returned)

    def _return(self, leases: list[Lease], deadline: float) -> int:
        if self._over(deadline):
            return 0
        try:
            refused = {e.index for e in self._queue.extend([handle for _, handle in leases], 0)}
        except (TemporaryError, PermanentError):
            return 0
        returned = [held for index, (held, _) in enumerate(leases) if index not in refused]
        for held in returned:
            self._in_flight.drop(held)
        self._metrics.returned_drain.inc(len(returned))
        return len(returned)

    def _over(self, deadline: float) -> bool:
        return self._stop.forced or self._clock.monotonic() >= deadline
