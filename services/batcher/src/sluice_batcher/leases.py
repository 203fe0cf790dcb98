"""Leases: the visibility timeout of everything held is extended at half-life, up to SQS's 12 hours.

A lease that lapses is not mended here: the message is visible to others again, and the flush drops it.
"""

from collections import defaultdict

from sluice_core.clock import Clock
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.logs import get_logger
from sluice_core.sqs import QueueLike

from sluice_batcher.held import Held, Ledger
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
        due: dict[int, list[Held]] = defaultdict(list)
        for held in self._ledger.everything():
            if held.lost(now) or held.lease_until - now > self._visibility / 2:
                continue
            seconds = min(self._visibility, int(held.last_lease - now))
            if seconds > held.lease_until - now:
                due[seconds].append(held)
        for seconds, messages in due.items():
            self._extend(messages, seconds)
        oldest = self._ledger.oldest()
        self._metrics.oldest_age.set(0 if oldest is None else now - oldest)
        self._metrics.held_messages.set(len(self._ledger))

    def _extend(self, messages: list[Held], seconds: int) -> None:
        handles = [held.handle for held in messages]
        before = self._clock.monotonic()
        try:
            refused = {entry.index: entry for entry in self._queue.extend(handles, seconds)}
        except (TemporaryError, PermanentError) as error:
            for held in messages:
                held.forbidden = isinstance(error, PermanentError)
            self._metrics.extension_failures.inc(len(messages))
            _log.warning("leases not extended", messages=len(messages), error=str(error))
            return
        for index, held in enumerate(messages):
            entry = refused.get(index)
            if held.handle != handles[index]:
                continue
            if entry is None:
                held.lease_until = before + seconds
            elif entry.permanent:
                held.refused = True
        self._metrics.extensions.inc(len(messages) - len(refused))
        if refused:
            self._metrics.extension_failures.inc(len(refused))
            first = next(iter(refused.values()))
            _log.warning("leases not extended", messages=len(refused), code=first.code)
