"""Where the tools work: the settings of the environment, and the AWS resources that they name."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from sluice_core.aws import Aws, clients
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue, dead_letter_queue
from sluice_core.settings import CommonSettings, load_settings


@dataclass(frozen=True)
class Target:
    """Settings, and what they name; each resource is looked up when it is asked for.

    Raises ConfigError (a wrong setting) and the errors of `sluice_core.aws.sqs`.
    """

    settings: CommonSettings
    aws: Aws

    @classmethod
    def of_environment(cls) -> Self:
        """As the environment says."""
        settings = load_settings(CommonSettings)
        return cls(settings, clients(settings))

    @property
    def where(self) -> str:
        """Where the objects are, as `s3://bucket/prefix`."""
        return f"s3://{self.settings.bucket}/{self.settings.prefix}".rstrip("/")

    @cached_property
    def queue(self) -> Queue:
        """The main queue."""
        return Queue.resolve(self.aws, self.settings.queue)

    @cached_property
    def dlq(self) -> Queue:
        """The dead-letter queue."""
        # A configured one can be read although the main queue is gone.
        if self.settings.dlq:
            return Queue.resolve(self.aws, self.settings.dlq)
        return dead_letter_queue(self.aws, self.queue, None)

    @property
    def bucket(self) -> Bucket:
        """The bucket."""
        return Bucket(self.aws, self.settings.bucket)

    def bucket_of(self, where: str) -> Bucket:
        """The bucket that an `s3://` address names."""
        return Bucket(self.aws, where.removeprefix("s3://").partition("/")[0])
