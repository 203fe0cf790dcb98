"""The queue, its dead-letter queue and the bucket of a local pipeline.

They belong to the tool that started the local AWS, so that tool makes them again when they are gone:
LocalStack keeps nothing over a restart, and the services only wait for what is missing.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from sluice_core.aws import Aws, clients
from sluice_core.aws.provision import make_bucket, make_queues
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import SluiceError
from sluice_core.settings import CommonSettings, load_settings

_NOT_HERE: Final = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "SLUICE_S3_SSE",
    "SLUICE_S3_SSE_KMS_KEY_ID",
    "SLUICE_S3_BUCKET_KEY",
)
"""What is meant for the user's own AWS and would lead a local pipeline there, or be unknown to it."""


@dataclass(frozen=True)
class Names:
    """What the resources are called; the defaults are the services' own."""

    queue: str = "sse_queue"
    dlq: str = "sse_queue_dlq"
    bucket: str = "sse-bucket"

    def environ(self) -> dict[str, str]:
        """The names as the services' settings."""
        return {"SLUICE_QUEUE": self.queue, "SLUICE_DLQ": self.dlq, "SLUICE_BUCKET": self.bucket}


@dataclass(frozen=True)
class Resources:
    """Queue, dead-letter queue and bucket, each known to exist when `make` returned."""

    aws: Aws
    queue: Queue
    dlq: Queue
    bucket: Bucket

    @classmethod
    def make(cls, aws: Aws, names: Names, *, visibility_timeout: int = 60) -> Self:
        """Makes what is missing; harmless to repeat. Raises SluiceError's subclasses."""
        queue, dlq = make_queues(aws, names.queue, names.dlq, visibility_timeout=visibility_timeout)
        return cls(aws, queue, dlq, make_bucket(aws, names.bucket))

    def missing(self) -> bool:
        """Whether any of them is gone now (an AWS that does not answer counts as gone)."""
        try:
            self.queue.attributes()
            self.dlq.attributes()
            self.bucket.check()
        except SluiceError:
            return True
        return False


def connect(environ: Mapping[str, str]) -> Aws:
    """Clients for the endpoint, region and credentials in `environ`. Raises ConfigError.

    boto3 takes credentials from the process's own environment, so this puts them there, and takes
    away what would count before or beside them (a profile, a session token, another endpoint, a KMS key).
    """
    for name in _NOT_HERE:
        os.environ.pop(name, None)
    os.environ.update(environ)
    return clients(load_settings(CommonSettings))
