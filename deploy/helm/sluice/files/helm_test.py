"""The chart's own test: a marked event goes into SQS, its row must come out in S3.

Runs in the batcher's image with the batcher's settings. The message carries a mark, which the batcher writes into the
metadata of its batch's objects: no column is needed for it. Asked for are only the objects of the event's own partition
that are as young as the event (their names begin with their time), and of these only the metadata; the one that is
found is then read, a row group or a line at a time, for the row itself, where a column of text can show it.
`MARK_SENT=false` sends nothing, so the test must fail: it proves that it can.
"""

import gzip
import io
import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow.parquet
import zstandard
from sluice_batcher.rows.columns import EVENT_ID, SPECIAL, Column, Kind, load_columns
from sluice_batcher.settings import BatcherSettings
from sluice_batcher.write.partition import Partitioner
from sluice_core import wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.session import clients
from sluice_core.aws.sqs import Queue
from sluice_core.errors import TemporaryError
from sluice_core.keys import object_key
from sluice_core.settings import load_settings
from sluice_core.wire.event_time import parse_paths

log = logging.getLogger("helm-test")
TEXT: Final = (Kind.STRING, Kind.JSON)
WINDOW_BITS: Final = 16
"""A UUIDv7 begins with its milliseconds in 48 bits: the first 8 digits are windows of 65 s (RFC 9562, 5.7)."""


def event(columns: tuple[Column, ...], time_path: tuple[str, ...], mark: str, now: float) -> Any:
    """An event that each column finds something in, of its type; the texts are the mark."""
    when = datetime.fromtimestamp(now, UTC).isoformat()
    values: Mapping[Kind, Any] = {
        Kind.STRING: mark,
        Kind.JSON: {"mark": mark},
        Kind.INT64: int(now),
        Kind.FLOAT64: now,
        Kind.BOOL: True,
        Kind.TIMESTAMP: when,
    }
    made: dict[str, Any] = {}
    place(made, time_path, when)
    for column in columns:
        if column.path not in SPECIAL:
            place(made, column.path, values[column.kind])
    return made


def place(made: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Puts a value at a path, unless something is there or on the way."""
    *way, last = path
    for key in way:
        made = made.setdefault(key, {})
        if not isinstance(made, dict):
            return
    made.setdefault(last, value)


def fresh(bucket: Bucket, directory: str, since: float, now: float) -> Iterator[str]:
    """The keys of the objects in the directory that were named since then; a minute's difference of clocks is allowed for."""
    first, last = (int(t * 1000) >> WINDOW_BITS for t in (since - 60, now + 60))
    for window in range(first, last + 1):
        for found in bucket.list(f"{directory}batch-{window:08x}"):
            yield found.key


def rows(key: str, body: bytes, names: list[str]) -> Iterator[str]:
    """The object as text, a row group or a line at a time; of Parquet only the columns of these names."""
    if ".parquet" in key:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(body))
        for group in range(file.num_row_groups):
            yield str(file.read_row_group(group, columns=names).to_pydict())
        return
    stream: Any = io.BytesIO(body)
    if key.endswith(".gz"):
        stream = gzip.GzipFile(fileobj=stream)
    elif key.endswith(".zst"):
        stream = zstandard.ZstdDecompressor().stream_reader(stream)
    yield from io.TextIOWrapper(stream, "utf-8", "replace")


def main(environ: Mapping[str, str]) -> int:
    """0 when the row was found in time, 1 when not."""
    settings = load_settings(BatcherSettings, environ)
    columns = load_columns(settings.columns).columns
    if settings.columns == "raw":  # its lines are the events: any of their texts shows
        columns = (Column("mark", ("mark",), Kind.STRING),)
    aws, mark, now = clients(settings), f"helm-test-{uuid.uuid4()}", time.time()
    bucket, deadline = Bucket(aws, settings.bucket), now + float(environ["TIMEOUT_SECONDS"])
    if environ["MARK_SENT"] == "true":
        body = json.dumps(event(columns, parse_paths(settings.event_time)[0], mark, now)).encode()
        plain = wire.encode_plain(body, source="helm-test", event_id=mark)
        queue = Queue.resolve(aws, settings.queue)
        refused = queue.send([OutMessage(plain.body, {**plain.attributes, wire.A_MARK: mark})])
        if refused:
            log.error("SQS refuses the event: %s", refused[0])
            return 1
        log.info("sent %s to %s", mark, queue.url)
    else:
        log.info("looking for %s, which nobody sent", mark)
    part = Partitioner(settings.partition_by).path(int(now * 1_000_000))
    directory = object_key(settings.prefix, part, "")
    directory += "/" if directory else ""
    seen: set[str] = set()
    while time.time() < deadline:
        try:
            for key in fresh(bucket, directory, now, time.time()):
                if key in seen:
                    continue
                marks = bucket.head(key).metadata.get("marks", "")
                seen.add(key)
                if mark in marks.split(","):
                    return shown(bucket, key, columns, mark)
        except TemporaryError as error:
            log.warning("asking again: %s", error)
        time.sleep(1)
    log.error(
        "not found in time: none of %d new objects in s3://%s/%s is of its batch. Look at the batcher's log, at its "
        "/readyz, and for a dead letter (sluice dlq ls)",
        len(seen), bucket.name, directory,
    )  # fmt: skip
    return 1


def shown(bucket: Bucket, key: str, columns: tuple[Column, ...], mark: str) -> int:
    """0 when the row is in its batch's object, or when no column is text that could show it."""
    place = f"s3://{bucket.name}/{key}"
    names = [
        c.name for c in columns if c.path == EVENT_ID or (c.kind in TEXT and c.path not in SPECIAL)
    ]
    if not names:
        log.info("its batch is in %s (no column of text could show the row)", place)
        return 0
    if any(mark in text for text in rows(key, bucket.get(key).body, names)):
        log.info("its row is in %s", place)
        return 0
    log.error(
        "its batch is in %s, but not its row: a dead letter, or left out by batcher.transform?",
        place,
    )
    return 1


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    sys.exit(main(os.environ))
