"""The outside of the process: the queues, the bucket, the checkpoint's store, the source."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from sluice_core.aws import Aws, clients, retention
from sluice_core.aws.s3 import Bucket, BucketLike
from sluice_core.aws.sqs import Queue, QueueAttributes, QueueLike, dead_letter_queue
from sluice_core.service.retry import wait_at_start

from sluice_producer.metrics import Runtime
from sluice_producer.progress.ledger import path_of
from sluice_producer.progress.stores import FileStore, S3Store, Store
from sluice_producer.settings import ProducerSettings
from sluice_producer.source.connection import GATHER, HttpSource
from sluice_producer.source.reader import READER
from sluice_producer.source.supervisor import Source


@dataclass(frozen=True)
class Clients:
    """Everything outside the process: what tests replace. `max_message_bytes`: what the queue takes.

    `former_store`: where an earlier version kept the checkpoint, under a key that holds a secret.
    """

    queue: QueueLike
    dead_queue: QueueLike
    bucket: BucketLike
    store: Store
    source: Source
    max_message_bytes: int
    former_store: Store | None = None


def connect(settings: ProducerSettings, runtime: Runtime) -> Clients:
    """The real world. Waits for a queue that is not there (yet) and says so; raises Stopped, PermanentError."""
    aws = clients(settings, pool=settings.senders + 6)
    aws.carrier.tell()

    def look() -> tuple[Queue, Queue, QueueAttributes, int]:
        queue = Queue.resolve(aws, settings.queue)
        dead = dead_letter_queue(aws, queue, settings.dlq)
        ours = queue.attributes()
        size = min(ours.max_message_bytes, dead.attributes().max_message_bytes)
        return queue, dead, ours, size

    queue, dead, attributes, size = wait_at_start("queue", look, runtime)
    retention.tell(queue.name, attributes)
    return Clients(
        queue=queue,
        dead_queue=dead,
        bucket=Bucket(aws, settings.bucket),
        store=make_store(settings, aws),
        source=make_source(settings, runtime),
        max_message_bytes=size,
        former_store=make_former_store(settings, aws),
    )


def make_store(settings: ProducerSettings, aws: Aws) -> Store:
    """Where the checkpoint lives."""
    parts = urlsplit(settings.checkpoint_url)
    if parts.scheme == "file":
        return FileStore(path_of(settings.checkpoint_url))
    return S3Store(Bucket(aws, parts.netloc), parts.path.lstrip("/"))


def make_former_store(settings: ProducerSettings, aws: Aws) -> Store | None:
    """Where the checkpoint stood while the URL's query was in its key, if it has one."""
    url = settings.former_checkpoint_url
    return None if url is None else S3Store(Bucket(aws, settings.bucket), urlsplit(url).path[1:])


def make_source(settings: ProducerSettings, runtime: Runtime) -> HttpSource:
    """The stream; of an event that is too large, as much is kept as a pack may hold."""
    clock, stop = runtime.clock, runtime.stop.event
    return HttpSource(
        settings.read_url,
        settings.agent,
        settings.source_idle_timeout,
        settings.pack_max_unpacked_bytes,
        on_chunk=lambda: runtime.health.beat(READER),
        headers=settings.headers,
        gather=lambda: clock.wait(stop, GATHER),
        now=clock.monotonic,
    )
