"""Whether the queue is still the one that the held messages came from."""

import threading

from sluice_core.aws.sqs import QueueLike
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.logs import get_logger

from sluice_batcher.inflight.held import InFlight

_log = get_logger(__name__)


class QueueIdentity:
    """Knows a queue by when it was made: a queue of the same name made later holds none of its messages.

    Each queue that is found in the place of the one before is a new generation of what is held, so that what
    comes from it is told from what is left of the old one.
    """

    def __init__(self, queue: QueueLike, created_at: int, in_flight: InFlight) -> None:
        self._queue = queue
        self._created_at = created_at
        self._in_flight = in_flight
        self._lock = threading.Lock()

    def generation(self) -> int | None:
        """Asks SQS; None when it does not answer: who does not know must keep what he has."""
        with self._lock:
            try:
                created_at = self._queue.attributes().created_at
            except (TemporaryError, PermanentError):
                return None
            if created_at != self._created_at:
                self._created_at = created_at
                self._in_flight.next_generation()
                _log.warning(
                    "the queue was made again: what is held is all that is left of the old one"
                )
            return self._in_flight.generation
