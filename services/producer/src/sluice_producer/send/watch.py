"""How full the queues are: one process asks, once a minute, and the alerts and dashboards of all are fed by it.

The producer asks, because there is one of it: of the batchers there are none while the queue is empty. It asks
for what it must be allowed to ask at its start anyway (sqs:GetQueueAttributes). A queue that cannot be asked
stops nothing; what is not known is told as NaN.
"""

import threading
from collections.abc import Mapping
from typing import Final

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.logs import get_logger

from sluice_producer.metrics import Runtime

_log = get_logger(__name__)
SECONDS: Final = 60.0


class QueueWatch:
    """A stage beside the flow. `queues`: label (`metrics.QUEUES`) → queue."""

    name = "queue-watch"

    def __init__(self, queues: Mapping[str, QueueLike], runtime: Runtime) -> None:
        self._queues = queues
        self._metrics = runtime.metrics
        self._clock = runtime.clock
        self._next = runtime.clock.monotonic()
        self._failing: set[str] = set()
        self.wake = threading.Event()

    def step(self) -> bool:
        """Looks when a minute is over."""
        if self._clock.monotonic() >= self._next:
            self._next = self._clock.monotonic() + SECONDS
            self.look()
        return False

    def due_in(self) -> float | None:
        """See `Stage`."""
        return max(0.0, self._next - self._clock.monotonic())

    def close(self) -> None:
        """See `Stage`."""

    def look(self) -> None:
        """Asks each queue once."""
        for label, queue in self._queues.items():
            try:
                seen = queue.attributes()
            except (TemporaryError, PermanentError) as error:
                self._metrics.looked(label, None)
                if label not in self._failing:
                    self._failing.add(label)
                    _log.warning(
                        "a queue's depth cannot be asked; the producer needs sqs:GetQueueAttributes",
                        queue=queue.name,
                        why=str(error),
                    )
                continue
            self._failing.discard(label)
            self._metrics.looked(label, seen)
