"""Making queues and buckets, for the tools that own them (`sluice run`, tests); services never do.

Each function may be called again at any time: what is there already stays as it is.
"""

import json
from typing import Final

from sluice_core.aws import Aws, translated
from sluice_core.aws.errors import text, understood
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import MissingResourceError, PreconditionError

MAX_RECEIVE_COUNT: Final = 1000
"""Receives before SQS itself gives a message up: kills and outages must not push good ones out."""

_RETENTION: Final = str(14 * 86_400)
"""Seconds; the longest that SQS keeps a message."""


def make_queues(
    aws: Aws, name: str, dlq_name: str, *, visibility_timeout: int = 60
) -> tuple[Queue, Queue]:
    """The queue with that redrive policy, and its dead-letter queue; both are made when missing.

    `visibility_timeout` (seconds) counts for a new queue only. Raises the errors of `Queue`.
    """
    dlq = _queue(aws, dlq_name, {"MessageRetentionPeriod": _RETENTION})
    what = f"read attributes of queue {dlq_name!r}"
    with translated(what):
        reply = aws.sqs.get_queue_attributes(QueueUrl=dlq.url, AttributeNames=["QueueArn"])
    with understood(what):
        arn = text(reply["Attributes"]["QueueArn"])
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVE_COUNT}
    queue = _queue(
        aws,
        name,
        {
            "MessageRetentionPeriod": _RETENTION,
            "VisibilityTimeout": str(visibility_timeout),
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    return queue, dlq


def make_bucket(aws: Aws, name: str) -> Bucket:
    """The private bucket of that name, made when missing. Raises the errors of `Bucket`."""
    bucket = Bucket(aws, name)
    try:
        bucket.check()
    except MissingResourceError:
        region = aws.s3.meta.region_name
        try:
            with translated(f"make bucket {name!r}"):
                if region == "us-east-1":  # the one region that a bucket must not name
                    aws.s3.create_bucket(Bucket=name)
                else:
                    aws.s3.create_bucket(
                        Bucket=name,
                        CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item] # any region
                    )
        except PreconditionError:
            bucket.check()  # somebody else made it in the meantime
    return bucket


def _queue(aws: Aws, name: str, attributes: dict[str, str]) -> Queue:
    try:
        return Queue.resolve(aws, name)
    except MissingResourceError:
        what = f"make queue {name!r}"
        with translated(what):
            reply = aws.sqs.create_queue(QueueName=name, Attributes=attributes)  # type: ignore[arg-type] # names are literals there
        with understood(what):
            return Queue(aws, text(reply["QueueUrl"]))
