"""Seconds and peak memory of one pass of the compactor: a large day of Parquet, and many small objects of CSV.

    python benchmarks/lake.py [--rows 1000000] [--json FILE]

LocalStack (a process of its own) holds the objects; what counts is the compactor's process. Each table is read
back and must hold each event once, in one file, or there is no figure.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from rich.console import Console
from sluice_batcher.app import Conversion
from sluice_batcher.settings import BatcherSettings
from sluice_batcher.write.formats import REGISTRY
from sluice_compactor.lake import Lake
from sluice_compactor.settings import CompactorSettings
from sluice_core.aws import clients
from sluice_core.aws.provision import make_bucket
from sluice_core.aws.s3 import Bucket
from sluice_core.keys import COLUMN_TYPES_METADATA
from sluice_core.lake.column_types import letters
from sluice_core.settings import CommonSettings, load_settings
from sluice_local.events import EventStream
from sluice_local.localstack import EmbeddedLocalStack

MOST_MIB = 700
"""Peak memory that a pass over a million rows may take with the default settings."""
DISTINCT = 10_000
"""Events that are made; more rows are these with ids of their own."""
_START_MS = 1_790_000_000_000
_ONE_BY_ONE = "import sluice_compactor.raw.fetch as f; f.SIDE_BY_SIDE = 1; import sys; from sluice_compactor.__main__ import main; sys.exit(main([]))"


@dataclass
class Pass:
    """One pass: wall and CPU seconds, peak memory in MiB, and what it made."""

    what: str
    rows: int
    objects: int
    raw_mib: float
    seconds: float
    cpu: float
    peak_mib: float
    files: int
    table_mib: float

    def row(self) -> dict[str, Any]:
        """As a line of a table."""
        return {
            "pass": self.what,
            "rows": f"{self.rows:,}",
            "raw objects": f"{self.objects:,} ({self.raw_mib:,.0f} MiB)",
            "rows/s": f"{self.rows / self.seconds:,.0f}",
            "s": f"{self.seconds:.1f}",
            "CPU s": f"{self.cpu:.1f}",
            "peak MiB": f"{self.peak_mib:,.0f}",
            "files": f"{self.files} ({self.table_mib:,.0f} MiB)",
        }


def rows_of(columns: str) -> pa.Table:
    """`DISTINCT` generated events as the batcher's columns."""
    conversion = Conversion.of(load_settings(BatcherSettings, {"SLUICE_COLUMNS": columns}))
    stream = EventStream(7, _START_MS, 25.0)
    events = [stream.event(n) for n in range(DISTINCT * 2) if not stream.is_canary(n)][:DISTINCT]
    parsed = conversion.parser.parse(events)
    message = SimpleNamespace(
        rows=parsed.rows, ids=parsed.ids, types=None, sse_ids=None, sent_at=0.0,
        events=events, positions=parsed.positions,
    )  # fmt: skip
    return conversion.tables.make([message]).table


def numbered(rows: pa.Table, start: int, count: int) -> pa.Table:
    """`count` of these rows from `start` on, each with an id of its own."""
    indices = pa.array([n % len(rows) for n in range(start, start + count)])
    made = rows.take(indices)
    ids = [str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))) for n in range(start, start + count)]
    at = made.schema.get_field_index("event_id")
    return made.set_column(at, made.schema.field(at), pa.array(ids, pa.string()))


@dataclass
class Place:
    """One bucket for one pass."""

    endpoint: str
    name: str

    @property
    def environ(self) -> dict[str, str]:
        """What a compactor needs to work on it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "SLUICE_BUCKET": self.name,
            "SLUICE_LAKE_SETTLE": "0",
            "SLUICE_HTTP_PORT": "0",
            "SLUICE_LOG_LEVEL": "WARNING",
        }

    def fill(self, form: str, columns: str, rows: int, each: int) -> float:
        """Makes the bucket and its raw objects of one day; gives their MiB."""
        settings = load_settings(CommonSettings, self.environ)
        aws = clients(settings)
        make_bucket(aws, self.name)
        bucket, source = Bucket(aws, self.name), rows_of(columns)
        encoder = REGISTRY[form](REGISTRY[form].default_compression)
        size = 0
        for start in range(0, rows, each):
            part = numbered(source, start, min(each, rows - start))
            body = encoder.encode(part)
            size += len(body)
            hour = start * 24 // rows
            bucket.put(
                f"events/dt=2026-11-23/hour={hour:02d}/batch-{start:09d}.{encoder.extension}",
                body,
                metadata={COLUMN_TYPES_METADATA: letters(part.schema)},
            )
        return size / 2**20

    def compact(self, what: str, rows: int, objects: int, mib: float, code: str | None) -> Pass:
        """One pass in a process of its own; fails when the table is not exact."""
        command = [sys.executable, *(("-c", code) if code else ("-m", "sluice_compactor"))]
        started = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **self.environ})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        if status:
            raise SystemExit(f"{what}: the compactor ended with {status}")
        table = Lake.open(load_settings(CompactorSettings, self.environ), to_write=False).table()
        if table is None:
            raise SystemExit(f"{what}: there is no table")
        ids = table.scan(selected_fields=("event_id",)).to_arrow()["event_id"]
        if not len(ids) == len(ids.unique()) == rows:
            raise SystemExit(f"{what}: {len(ids):,} rows, {len(ids.unique()):,} ids of {rows:,}")
        files = [task.file.file_size_in_bytes for task in table.scan().plan_files()]
        cpu = usage.ru_utime + usage.ru_stime
        return Pass(what, rows, objects, mib, seconds, cpu, usage.ru_maxrss / 1024, len(files), sum(files) / 2**20)  # fmt: skip


def measured(rows: int) -> list[Pass]:
    """All passes: a day of large objects, the same again, small objects side by side and one by one."""
    found = []
    # boto3 asks the environment itself.
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with EmbeddedLocalStack() as server:

        def measure(what: str, form: str, columns: str, count: int, each: int, *, code: str | None = None) -> None:  # fmt: skip
            place = Place(server.endpoint, f"lake-{uuid.uuid4().hex[:8]}")
            mib = place.fill(form, columns, count, each)
            found.append(place.compact(what, count, -(-count // each), mib, code))

        measure("one day of Parquet, every column", "parquet", "recentchange", rows, rows // 20)
        small = rows // 10
        measure("1,000 small CSV, GETs side by side", "csv", "article", small, small // 1000)
        measure(
            "the same, one GET after another",
            "csv",
            "article",
            small,
            small // 1000,
            code=_ONE_BY_ONE,
        )
    if rows == 1_000_000 and (found[0].peak_mib > MOST_MIB or found[0].files != 1):
        raise SystemExit(
            f"{found[0].peak_mib:.0f} MiB (at most {MOST_MIB}), {found[0].files} files"
        )
    return found


def main() -> None:
    """Measures and prints; `--json` keeps the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measured(options.rows)
    console = Console(width=160)
    for one in found:
        console.print(one.row())
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
