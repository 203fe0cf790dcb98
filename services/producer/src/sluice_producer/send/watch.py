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

from sluice_producer.runtime import Runtime

_log = get_logger(__name__)
SECONDS: Final = 60.0
_MAX_SILENCE: Final = 300.0


class QueueWatch:
    """A thread's work. `queues`: label (`labels.QUEUES`) → queue."""

    name = "queue-watch"

    def __init__(self, queues: Mapping[str, QueueLike], runtime: Runtime) -> None:
        self._queues = queues
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._failing: set[str] = set()

    def run(self) -> None:
        """Looks once a minute until a stop is requested."""
        self._health.register(self.name, _MAX_SILENCE)
        while not self._stop.requested:
            self._health.beat(self.name)
            self.look()
            self._clock.wait(self._stop.event, SECONDS)
        self._health.forget(self.name)

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
