"""What is outside of the process: queue, dead-letter queue, bucket. Waited for, never crashed over."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sluice_core.aws import clients, retention
from sluice_core.aws.s3 import Bucket, BucketLike
from sluice_core.aws.sqs import Queue, QueueAttributes, QueueLike, dead_letter_queue
from sluice_core.errors import AccessDeniedError, MissingResourceError, TemporaryError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff, retry_forever
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

from sluice_batcher.settings import BatcherSettings

T = TypeVar("T")
_log = get_logger(__name__)
_CONNECTIONS = 8


@dataclass
class World:
    """What tests replace. `attributes` are the queue's at the start."""

    queue: QueueLike
    dead_queue: QueueLike
    bucket: BucketLike
    attributes: QueueAttributes
    clock: Clock
    rng: random.Random


def connect(
    settings: BatcherSettings, *, stop: Stop, health: Health, clock: Clock, rng: random.Random
) -> World:
    """Waits until queue, dead-letter queue and bucket are there, and says what it waits for.

    Raises PermanentError when trying again cannot help (credentials, permissions), retry.Stopped when the
    stop is requested first.
    """
    aws = clients(settings, pool=settings.receivers + settings.uploads + _CONNECTIONS)

    def wait_for(what: str, variable: str, call: Callable[[], T]) -> T:
        def tell(error: TemporaryError, delay: float) -> None:
            hint = ""
            if isinstance(error, MissingResourceError):
                hint = f"make it, or set {variable}"
            health.set_ready(what, ready=False, why=str(error))
            _log.warning("waiting", what=what, error=str(error), hint=hint, wait=round(delay, 2))

        result = retry_forever(
            call,
            stop=stop,
            clock=clock,
            backoff=Backoff(cap=5.0, rng=rng),
            on_error=tell,
            until_requested=True,
        )
        health.set_ready(what, ready=True)
        return result

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
        _log.warning("bucket cannot be checked", error=str(error))
    return World(queue, dead, bucket, attributes, clock, rng)
