"""SQS and S3 of a release, seen from the test; rows are read by other code than Sluice's own."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from sluice_core.aws import plain_listings

from kit.forward import Forward
from kit.waiting import until

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
BUCKET, QUEUE, PREFIX = "sse-bucket", "sse_queue", "events/"


@dataclass(frozen=True)
class Object:
    """One CSV object: its rows as dictionaries of text."""

    key: str
    written: datetime
    columns: list[str]
    rows: list[dict[str, str]]

    @property
    def ids(self) -> list[str]:
        return [row["event_id"] for row in self.rows]


@dataclass
class Lake:
    """The release's bucket and queue through a port-forward; each object is read once."""

    forward: Forward
    objects: dict[str, Object] = field(default_factory=dict)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """The client of where the forward is now."""
        place = service, self.forward.url
        if place not in self._clients:
            self._clients[place] = self._new_client(*place)
        return self._clients[place]

    def _new_client(self, service: str, url: str) -> Any:
        made = boto3.client(
            service,
            endpoint_url=url,
            region_name=KEYS["AWS_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                s3={"addressing_style": "path"},
                retries={"max_attempts": 3},
                connect_timeout=5,
                read_timeout=30,
                max_pool_connections=8,
            ),
        )
        if service == "s3":
            plain_listings(made)
        return made

    def refresh(self) -> list[Object]:
        """All objects by now, oldest first."""
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=PREFIX)
        new = [
            item
            for page in pages
            for item in page.get("Contents", [])
            if item["Key"] not in self.objects
        ]
        with ThreadPoolExecutor(8) as pool:
            for item, body in zip(
                new, pool.map(lambda item: self._body(s3, item["Key"]), new), strict=True
            ):
                self.objects[item["Key"]] = _read(item["Key"], item["LastModified"], body)
        return sorted(self.objects.values(), key=lambda found: (found.written, found.key))

    def _body(self, s3: Any, key: str) -> bytes:
        body: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def ids(self) -> Counter[str]:
        """Event id → rows that have it."""
        return Counter(name for found in self.refresh() for name in found.ids)

    def wait_for(self, expected: Iterable[str], *, deadline: float) -> Counter[str]:
        """Waits until each expected id has a row. Raises GaveUpError naming how many are missing."""
        wanted = set(expected)
        found: Counter[str] = Counter()

        def complete() -> bool:
            nonlocal found
            found = self.ids()
            return wanted <= found.keys()

        try:
            until(complete, f"{len(wanted)} ids in S3", deadline=deadline, pause=1)
        except AssertionError as error:
            missing = sorted(wanted - found.keys())
            raise AssertionError(
                f"{error}: {len(missing)} are missing, such as {missing[:3]}; queue {self.depth()}"
            ) from None
        return found

    def depth(self) -> tuple[int, int]:
        """Messages of the queue: waiting, in flight."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(got[names[0]]), int(got[names[1]])

    def wait_empty(self, *, deadline: float) -> None:
        """Waits until nothing waits or is in flight."""
        until(lambda: self.depth() == (0, 0), "an empty queue", deadline=deadline, pause=1)

    def send(self, *bodies: str) -> None:
        """Messages of the plain wire."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=body)

    def send_at_once(self, bodies: Sequence[str]) -> None:
        """Messages of the plain wire that can all be received from one moment on, a little after this returns.

        Raises AssertionError when sending took longer than was thought.
        """
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        moment = time.monotonic() + 10 + len(bodies) / 150
        for start in range(0, len(bodies), 10):
            delay = round(moment - time.monotonic())
            assert delay > 0, f"only {start} of {len(bodies)} messages could be sent in time"
            entries = [
                {"Id": str(n), "MessageBody": body, "DelaySeconds": delay}
                for n, body in enumerate(bodies[start : start + 10])
            ]
            done = sqs.send_message_batch(QueueUrl=url, Entries=entries)
            assert not done.get("Failed"), done["Failed"]

    def verify(self, expected: Iterable[str], directory: Path) -> dict[str, Any]:
        """The account of `sluice verify --json`; its exit code must fit it."""
        ids = directory / "source-ids.txt"
        ids.write_text("".join(f"{name}\n" for name in expected))
        environment = {
            **os.environ,
            **KEYS,
            "AWS_ENDPOINT_URL": self.forward.url,
            "SLUICE_QUEUE": QUEUE,
            "SLUICE_BUCKET": BUCKET,
        }
        done = subprocess.run(
            [sys.executable, "-m", "sluice_cli.main", "verify", "--json", "--source-ids", str(ids)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode in (0, 1), done.stderr
        account: dict[str, Any] = json.loads(done.stdout)
        assert (done.returncode == 0) == account["ok"]
        return account


def _read(key: str, written: datetime, body: bytes) -> Object:
    assert key.endswith(".csv"), f"these tests write CSV: {key}"
    reader = csv.DictReader(io.StringIO(body.decode(), newline=""))
    return Object(key, written, list(reader.fieldnames or ()), list(reader))
