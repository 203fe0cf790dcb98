"""What is outside of the process: queue, dead-letter queue, bucket. Waited for, never crashed over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sluice_core.aws import clients, retention
from sluice_core.aws.s3 import Bucket, BucketLike
from sluice_core.aws.sqs import Queue, QueueAttributes, QueueLike, dead_letter_queue
from sluice_core.errors import AccessDeniedError, MissingResourceError, TemporaryError
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import wait_at_start
from sluice_core.service.runtime import Runtime

from sluice_batcher.settings import BatcherSettings

T = TypeVar("T")
_log = get_logger(__name__)
_CONNECTIONS = 8


@dataclass
class Clients:
    """What tests replace. `attributes` are the queue's at the start."""

    queue: QueueLike
    dead_queue: QueueLike
    bucket: BucketLike
    attributes: QueueAttributes


def connect(settings: BatcherSettings, runtime: Runtime[Any]) -> Clients:
    """Waits until queue, dead-letter queue and bucket are there, and says what it waits for.

    Raises PermanentError when trying again cannot help (credentials, permissions), retry.Stopped when the
    stop is requested first.
    """
    aws = clients(settings, pool=settings.receivers + settings.uploads + _CONNECTIONS)
    aws.carrier.tell()

    def wait_for(what: str, variable: str, call: Callable[[], T]) -> T:
        def hint(error: TemporaryError) -> str:
            return f"make it, or set {variable}" if isinstance(error, MissingResourceError) else ""

        return wait_at_start(what, call, runtime, hint=hint)

    queue = wait_for("queue", "SLUICE_QUEUE", lambda: Queue.resolve(aws, settings.queue))
    attributes = wait_for("queue", "SLUICE_QUEUE", queue.attributes)
    retention.tell(queue.name, attributes)
    dead = wait_for(
        "dead-letter queue", "SLUICE_DLQ", lambda: dead_letter_queue(aws, queue, settings.dlq)
    )
    bucket = Bucket(aws, settings.bucket)
    try:
        wait_for("bucket", "SLUICE_BUCKET", bucket.check)
    except AccessDeniedError as error:
        # A role that may write objects need not be allowed to look at the bucket: the first write tells.
        _log.warning("bucket cannot be checked", why=str(error))
    return Clients(queue, dead, bucket, attributes)
