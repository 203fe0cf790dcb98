"""Queue, dead-letter queue and bucket of one test, in LocalStack or in moto's server."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from sluice_core.aws import Aws, clients
from sluice_core.aws.provision import make_bucket, make_queues
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.deadletter import DeadLetter
from sluice_core.settings import CommonSettings, load_settings

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Cloud:
    """Names unique to a test, and its own way to the server (never through a fault proxy)."""

    endpoint: str
    aws: Aws
    name: str
    visibility: int

    @classmethod
    def at(cls, endpoint: str, *, visibility: int) -> "Cloud":
        """Names of things that do not exist yet."""
        settings = load_settings(CommonSettings, {"AWS_ENDPOINT_URL": endpoint, **CREDENTIALS})
        return cls(endpoint, clients(settings), f"t{uuid.uuid4().hex[:12]}", visibility)

    @classmethod
    def make(cls, endpoint: str, *, visibility: int) -> "Cloud":
        """A fresh queue (with redrive policy), dead-letter queue and bucket."""
        cloud = cls.at(endpoint, visibility=visibility)
        cloud.create()
        return cloud

    @property
    def dlq_name(self) -> str:
        """The dead-letter queue's name."""
        return f"{self.name}_dlq"

    @property
    def queue(self) -> Queue:
        """The queue, looked up anew."""
        return Queue.resolve(self.aws, self.name)

    @property
    def dlq(self) -> Queue:
        """The dead-letter queue, looked up anew."""
        return Queue.resolve(self.aws, self.dlq_name)

    @property
    def bucket(self) -> Bucket:
        """The bucket."""
        return Bucket(self.aws, self.name)

    def create(self) -> None:
        """Makes all three; again after the server lost them."""
        make_queues(self.aws, self.name, self.dlq_name, visibility_timeout=self.visibility)
        make_bucket(self.aws, self.name)

    def environ(self, endpoint: str | None = None) -> dict[str, str]:
        """What both services need to work here, through `endpoint` when given."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "SLUICE_QUEUE": self.name,
            "SLUICE_BUCKET": self.name,
        }

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters, left where they are."""
        return list(self._dead_letters())

    def _dead_letters(self) -> Iterator[DeadLetter]:
        queue, handles = self.dlq, []
        while messages := queue.receive(wait_seconds=0, visibility=30):
            for message in messages:
                handles.append(message.receipt_handle)
                yield DeadLetter.from_message(message)
        queue.extend(handles, 0)
