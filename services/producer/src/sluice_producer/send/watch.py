"""How full the queues are: one process asks, once a minute, and the alerts and dashboards of all are fed by it.

The producer asks, because there is one of it: of the batchers there are none while the queue is empty. It asks
for what it must be allowed to ask at its start anyway (sqs:GetQueueAttributes). A queue that cannot be asked
stops nothing; what is not known is told as NaN.
"""

from collections.abc import Mapping
from typing import Final

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.logs import get_logger
from sluice_core.service.periodic import Periodic

from sluice_producer.metrics import Runtime

_log = get_logger(__name__)
SECONDS: Final = 60.0


class QueueWatch(Periodic):
    """`queues`: label (`metrics.QUEUES`) → queue."""

    name = "queue-watch"

    def __init__(self, queues: Mapping[str, QueueLike], runtime: Runtime) -> None:
        super().__init__(runtime.clock, SECONDS, at_once=True)
        self._queues = queues
        self._metrics = runtime.metrics
        self._failing: set[str] = set()

    def act(self) -> None:
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
