"""Heartbeats that have come to the end: S3 has the batch that they came in.

What a heartbeat's time says: an event read by the producer at that moment would have been in S3 so long after. It
goes through the same outbox, queue and batch. What it does not say: how late the source is, and how long a pack fills.
A batch without rows proves nothing of S3, so an empty object under one fixed key is written for it. That is tried once:
a heartbeat holds no data, and must never be in the way of any.
"""

from collections.abc import Sequence

from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.keys import HEARTBEAT_KEY
from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime

from sluice_batcher.inflight.held import Held
from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)


class Heartbeats:
    """Observes the time of each heartbeat that came through."""

    def __init__(self, bucket: BucketLike, runtime: Runtime[Metrics]) -> None:
        self._bucket = bucket
        self._clock = runtime.clock
        self._metrics = runtime.metrics
        self._failing = False

    def through(self, heartbeats: Sequence[Held], *, stored: bool) -> None:
        """`stored`: S3 has taken an object of their batch. Where nothing can be stored no time is observed."""
        if not (stored or self._write()):
            return
        now = self._clock.now()
        for held in heartbeats:
            if held.heartbeat is not None:
                self._metrics.heartbeat(held.heartbeat, now)

    def _write(self) -> bool:
        try:
            self._bucket.put(HEARTBEAT_KEY, b"", content_type="text/plain")
        except (TemporaryError, PermanentError) as error:
            self._metrics.put_failures.inc()
            if not self._failing:
                self._failing = True
                _log.warning(
                    "a heartbeat is not observed: the bucket did not take its object",
                    key=HEARTBEAT_KEY,
                    why=str(error),
                )
            return False
        self._failing = False
        return True
