"""The loop that Sluice grew out of, made again from the tutorial's description: the yardstick.

One SQS message an event; the batcher receives ten at a time, collects rows until it has a hundred, makes a
DataFrame, writes it as CSV, and deletes message by message. It is kept as simple as the original: no
packing, no retries, no partitions. `python article.py producer|batcher N` ends after N events.
"""

import io
import json
import os
import sys
import uuid

import boto3
import pandas as pd
from requests_sse import EventSource

COLUMNS = ("id", "type", "namespace", "title", "comment", "timestamp", "user", "bot")
ROWS = 100


def producer(sqs, queue_url: str, source_url: str, count: int) -> None:
    """Reads the stream; sends each event as a message of its own."""
    if count == 0:
        return
    sent = 0
    with EventSource(source_url) as source:
        for event in source:
            if event.type != "message" or not event.data:
                continue
            change = json.loads(event.data)
            if change["meta"]["domain"] == "canary":
                continue
            sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(change))
            sent += 1
            if sent >= count:
                return


def batcher(sqs, s3, queue_url: str, bucket: str, count: int) -> None:
    """Receives; a hundred rows become a DataFrame, a CSV object, a hundred deletes."""
    rows: list[dict[str, object]] = []
    done = 0
    while done < count:
        reply = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in reply.get("Messages", []):
            change = json.loads(message["Body"])
            rows.append(
                {name: change.get(name) for name in COLUMNS}
                | {"receipt_handle": message["ReceiptHandle"]}
            )
        if len(rows) >= ROWS or (rows and done + len(rows) >= count):
            frame = pd.DataFrame(rows)
            text = io.StringIO()
            frame.to_csv(text, index=False)
            s3.put_object(Bucket=bucket, Key=f"batch-{uuid.uuid4()}.csv", Body=text.getvalue())
            for handle in frame["receipt_handle"]:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=handle)
            done += len(rows)
            rows = []


def main() -> None:
    """Runs one side, with the same environment variables as Sluice's services."""
    side, count = sys.argv[1], int(sys.argv[2])
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    queue_url = sqs.get_queue_url(QueueName=os.environ["SLUICE_QUEUE"])["QueueUrl"]
    if side == "producer":
        producer(sqs, queue_url, os.environ["SLUICE_SOURCE_URL"], count)
    else:
        batcher(sqs, s3, queue_url, os.environ["SLUICE_BUCKET"], count)


if __name__ == "__main__":
    main()
