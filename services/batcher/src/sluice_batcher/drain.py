"""The way out: no new receive, the outstanding polls come back, flush, delete, hand back the rest.

With `SLUICE_DRAIN=return` a batch that is not full yet is part of that rest: where other batchers go on, a
stop should not cost a small object.

All within the grace period, of which a part is kept for handing back. Whatever does not fit stays in the
queue: its lease runs out, and somebody else gets it. A batch of which S3 took some partitions and not yet the
others is handed back as a whole, so that a stop in the middle of an outage of S3 may give duplicates.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.limits import SQS_BATCH_ENTRIES
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.stop import Stop

from sluice_batcher.inflight.held import Lease, Ledger
from sluice_batcher.loops import Loop
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)
_SLICE: Final = 0.05
_HAND_BACK_SHARE: Final = 0.2
_HAND_BACK_SECONDS: Final = 3.0
_HAND_BACK_THREADS: Final = 8


class Drain:
    """Ends a batcher's loops in their order. `abandon` ends the patience of those that wait for AWS."""

    def __init__(
        self,
        queue: QueueLike,
        ledger: Ledger,
        *,
        clock: Clock,
        stop: Stop,
        abandon: Stop,
        metrics: Metrics,
    ) -> None:
        self._queue = queue
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._abandon = abandon
        self._metrics = metrics

    def run(
        self,
        receiving: Sequence[Loop],
        stages: Sequence[tuple[Callable[[], None], Loop]],
        *,
        grace: float,
    ) -> bool:
        """Drains within `grace` seconds; `stages` are (what to do first, the loop to wait for), in order.

        True when the stop was orderly (everything stored or handed back), False when it was forced.
        """
        started = self._clock.monotonic()
        reserve = min(_HAND_BACK_SECONDS, grace * _HAND_BACK_SHARE)
        deadline = started + grace - reserve
        _log.info("draining", held=len(self._ledger), grace=grace)
        for loop in receiving:
            loop.finish()
        self._join(receiving, deadline)
        for prepare, loop in stages:
            prepare()
            loop.finish()
            self._join([loop], deadline)
        self._abandon.force()
        if self._stop.forced:
            _log.warning("forced to stop, the queue keeps what is left", held=len(self._ledger))
            return False
        self._hand_back(started + grace)
        _log.info("drained", seconds=round(self._clock.monotonic() - started, 2))
        return True

    def _join(self, loops: Sequence[Loop], deadline: float) -> None:
        for loop in loops:
            while not loop.join(_SLICE):
                if self._stop.forced or self._clock.monotonic() >= deadline:
                    break

    def _hand_back(self, deadline: float) -> None:
        """Everything unwritten becomes visible now, for somebody who has more time."""
        rest = self._ledger.unwritten()
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
            self._ledger.drop(held)
        self._metrics.returned_drain.inc(len(returned))
        return len(returned)

    def _over(self, deadline: float) -> bool:
        return self._stop.forced or self._clock.monotonic() >= deadline
