"""The chart's own test: a marked event goes into SQS, its row must come out in S3.

`MARK_SENT=false` sends nothing, so the test must fail: it proves that it can.
Reads CSV, JSON lines and Parquet, whatever their compression, by looking for the mark in the rows.
"""

import gzip
import io
import json
import logging
import os
import sys
import time
import uuid
from typing import Any

import boto3
import pyarrow.parquet
import zstandard
from botocore.config import Config
from botocore.handlers import set_list_objects_encoding_type_url

logging.basicConfig(level=logging.WARNING, format="%(message)s")
log = logging.getLogger("helm-test")
log.setLevel(logging.INFO)

DEADLINE = time.monotonic() + float(os.environ["TIMEOUT_SECONDS"])
MARK = f"sluice-helm-test-{uuid.uuid4()}"
PREFIX = os.environ["SLUICE_PREFIX"].strip("/") + "/"


def client(service: str) -> Any:
    """A boto3 client; S3 in path style where an endpoint is given."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        region_name=os.environ["AWS_REGION"],
        s3={"addressing_style": "path"} if endpoint else None,
    )
    made = boto3.client(service, endpoint_url=endpoint, config=config)
    # LocalStack's second page of a percent-encoded listing is empty where keys hold a `=` (`dt=…`).
    made.meta.events.unregister(
        "before-parameter-build.s3.ListObjectsV2", set_list_objects_encoding_type_url
    )
    return made


def event() -> dict[str, Any]:
    """A recent change whose texts are the mark."""
    now = int(time.time())
    return {
        "$schema": "/mediawiki/recentchange/1.0.0",
        "meta": {
            "id": MARK,
            "domain": "sluice.test",
            "dt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        },
        "id": now,
        "type": "edit",
        "namespace": 0,
        "title": MARK,
        "comment": MARK,
        "timestamp": now,
        "user": MARK,
        "bot": True,
    }


def text(body: bytes) -> str:
    """The rows of an object as text."""
    if body[:4] == b"PAR1":
        return str(pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist())
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    if body[:4] == b"\x28\xb5\x2f\xfd":
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return body.decode("utf-8", "replace")


def main() -> int:
    """0 when the row was found in time."""
    sqs, s3 = client("sqs"), client("s3")
    bucket, queue = os.environ["SLUICE_BUCKET"], os.environ["SLUICE_QUEUE"]
    url = queue if "://" in queue else sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    # An object may only hold the mark when it was written after this moment: older ones are not read.
    started = time.time() - 60
    if os.environ["MARK_SENT"] == "true":
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event()))
        log.info("sent %s to %s", MARK, url)
    else:
        log.info("looking for %s, which nobody sent", MARK)
    seen: set[str] = set()
    while time.monotonic() < DEADLINE:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX):
            for item in page.get("Contents", []):
                key = item["Key"]
                if key in seen or item["LastModified"].timestamp() < started:
                    continue
                seen.add(key)
                if MARK in text(s3.get_object(Bucket=bucket, Key=key)["Body"].read()):
                    log.info("found it in s3://%s/%s (%d objects read)", bucket, key, len(seen))
                    return 0
        time.sleep(1)
    log.info(
        "not found in time; %d new objects were read. Look at the batcher's log and /readyz.",
        len(seen),
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
