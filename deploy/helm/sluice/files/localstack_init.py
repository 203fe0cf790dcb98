"""LocalStack's ready hook: makes queue, dead-letter queue and bucket. Runs at each start, since nothing is kept."""

import json
import os

import boto3

settings = {
    key.removeprefix("SLUICE_INIT_"): value
    for key, value in os.environ.items()
    if key.startswith("SLUICE_INIT_")
}
region = settings["REGION"]
session = boto3.Session(
    aws_access_key_id="test",
    aws_secret_access_key="test",  # noqa: S106  (LocalStack takes any key)
    region_name=region,
)
sqs = session.client("sqs", endpoint_url="http://127.0.0.1:4566")
s3 = session.client("s3", endpoint_url="http://127.0.0.1:4566")

dlq = sqs.create_queue(QueueName=settings["DLQ"], Attributes={"MessageRetentionPeriod": "1209600"})[
    "QueueUrl"
]
target = sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])["Attributes"][
    "QueueArn"
]
# 1 MiB has been SQS's limit since August 2025. A high maxReceiveCount: kills must not push good messages out.
sqs.create_queue(
    QueueName=settings["QUEUE"],
    Attributes={
        "VisibilityTimeout": settings["VISIBILITY_TIMEOUT"],
        "MessageRetentionPeriod": "1209600",
        "RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": target, "maxReceiveCount": settings["MAX_RECEIVE_COUNT"]}
        ),
    },
)
place = (
    {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
)
# Last: that it is there is what the pod's probes ask.
s3.create_bucket(Bucket=settings["BUCKET"], **place)
