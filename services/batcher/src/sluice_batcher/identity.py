"""Whether the queue is still the one that the held messages came from."""

from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.sqs import QueueLike


class QueueIdentity:
    """Knows a queue by when it was made: a queue of the same name made later holds none of its messages."""

    def __init__(self, queue: QueueLike, created_at: int) -> None:
        self._queue = queue
        self._created_at = created_at

    def unchanged(self) -> bool:
        """Asks SQS; False, too, when SQS does not answer: who does not know must keep what he has."""
        try:
            return self._queue.attributes().created_at == self._created_at
        except (TemporaryError, PermanentError):
            return False
