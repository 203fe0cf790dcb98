"""Rows whose event has no time of its own: all of them are counted, the first ones are told of."""

import threading

from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime

from sluice_batcher.metrics import Metrics

_log = get_logger(__name__)


class Untimed:
    """Shared by all that write, so that once is once; thread-safe."""

    def __init__(self, runtime: Runtime[Metrics]) -> None:
        self._metrics = runtime.metrics
        self._told = False
        self._lock = threading.Lock()

    def written(self, rows: int) -> None:
        """So many were written."""
        if not rows:
            return
        self._metrics.untimed.inc(rows)
        with self._lock:
            first, self._told = not self._told, True
        if first:
            _log.warning(
                "events without a time of their own are partitioned by when SQS took them; name the field of their "
                "time in SLUICE_EVENT_TIME (said once; sluice_batcher_rows_without_event_time_total counts)",
                rows=rows,
            )
