"""`make bench`: events a second and core, of each service and wire, beside the article's loop.

Everything is on loopback: the built-in SSE source, LocalStack and the process under test. What is compared is
the CPU time of the process under test alone (the kernel's account of it, less that of a run with a tenth of
the events: start-up and first use cancel out), because on AWS the other side is not ours. All ratios come from one run on one machine.

    python benchmarks/bench.py [--events N] [--article-events N] [--json FILE]
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3
import requests
from botocore.config import Config
from meter import Usage, run
from rich.console import Console
from rich.table import Table
from sluice_core.aws import plain_listings
from sluice_local.localstack import EmbeddedLocalStack
from sluice_local.ports import free_port
from sluice_local.sse import EventLog, ServerOptions, SseServer

HERE = Path(__file__).parent
LAKE = {
    "SLUICE_BATCH_MAX_ROWS": "50000",
    "SLUICE_BATCH_MAX_BYTES": "128MiB",
    "SLUICE_COLUMNS": "recentchange",
}
EXPECTED = {"producer": 40, "batcher": 50}


@dataclass(frozen=True)
class Case:
    """One measurement: a service (or the article's side of it) with its settings."""

    service: str
    name: str
    events: int
    environ: dict[str, str]
    article: bool = False


@dataclass(frozen=True)
class Result:
    """Events a second of CPU, from `events` and the CPU seconds beyond a run of a tenth of them."""

    service: str
    name: str
    events: int
    cpu: float
    per_core: float
    microseconds: float
    memory: float
    ratio: float = 0.0


class Bench:
    """The machine: LocalStack, queues, and the two kinds of process."""

    def __init__(self, localstack: EmbeddedLocalStack, folder: Path) -> None:
        self.localstack = localstack
        self.folder = folder
        os.environ |= localstack.environ()
        config = Config(s3={"addressing_style": "path"})
        self.sqs, self.s3 = boto3.client("sqs"), boto3.client("s3", config=config)
        plain_listings(self.s3)

    @contextmanager
    def place(self) -> Iterator[dict[str, str]]:
        """A fresh queue with its dead-letter queue, and a fresh bucket."""
        name = f"bench-{uuid.uuid4().hex[:12]}"
        urls = [self.sqs.create_queue(QueueName=n)["QueueUrl"] for n in (name, f"{name}_dlq")]
        self.s3.create_bucket(Bucket=name)
        yield {"SLUICE_QUEUE": name, "SLUICE_DLQ": f"{name}_dlq", "SLUICE_BUCKET": name}
        for url in urls:
            self.sqs.delete_queue(QueueUrl=url)

    def depth(self, queue: str) -> int:
        """Messages that are not deleted yet."""
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        values = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in values.values())

    def produce(self, case: Case, events: int, place: dict[str, str]) -> Usage:
        """The producer's side: `events` events from the built-in source into the queue."""
        log = EventLog(7, None if events == 0 else events * 2, 0)
        with SseServer(log, ServerOptions()) as server:
            environ = {**place, **case.environ, **_local(), "SLUICE_SOURCE_URL": server.url}
            out = self.folder / f"{case.name.replace('/', '-')}-{events}.log"
            if case.article:
                return run(
                    [sys.executable, str(HERE / "article.py"), "producer", str(events)],
                    environ,
                    out,
                )
            environ["SLUICE_MAX_EVENTS"] = str(max(events, 1))
            return run([sys.executable, "-m", "sluice_producer"], environ, out)

    def consume(self, case: Case, events: int, place: dict[str, str]) -> Usage:
        """The batcher's side: what is in the queue into objects, until the queue is empty."""
        environ = {**place, **case.environ, **_local()}
        out = self.folder / f"{case.name.replace('/', '-')}-{events}.log"
        if case.article:
            return run(
                [sys.executable, str(HERE / "article.py"), "batcher", str(events)], environ, out
            )
        port = free_port()
        environ["SLUICE_HTTP_PORT"] = str(port)
        ready = _ready(port)
        empty = _steady(lambda: ready() and self.depth(place["SLUICE_QUEUE"]) == 0)
        return run([sys.executable, "-m", "sluice_batcher"], environ, out, done=empty)

    def rows(self, bucket: str) -> int:
        """Rows that the objects' metadata (Sluice) or lines (the article) tell."""
        total = 0
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", []):
                if not entry["Key"].startswith("_sluice/"):
                    head = self.s3.head_object(Bucket=bucket, Key=entry["Key"])
                    total += int(head["Metadata"].get("rows", 0))
        return total


def _local() -> dict[str, str]:
    return {"SLUICE_HTTP_HOST": "127.0.0.1", "SLUICE_HTTP_PORT": "0", "SLUICE_LOG_LEVEL": "WARNING"}


def _ready(port: int) -> Callable[[], bool]:
    """Whether the service has been ready once; asked no more after that, since each answer costs it CPU."""
    was = False

    def check() -> bool:
        nonlocal was
        try:
            was = was or requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).ok
        except requests.ConnectionError:
            was = False
        return was

    return check


def _steady(condition: Callable[[], bool]) -> Callable[[], bool]:
    """True when `condition` held three times in a row: the counts of SQS are approximate."""
    held = 0

    def check() -> bool:
        nonlocal held
        held = held + 1 if condition() else 0
        return held >= 3

    return check


def measure(bench: Bench, case: Case, fill: Case) -> Result:
    """CPU beyond a run of a tenth; `fill` is how the queue is filled for a batcher's case."""
    usages = []
    tenth = case.events // 10
    for events in (tenth, case.events):
        with bench.place() as place:
            if case.service == "producer":
                usages.append(bench.produce(case, events, place))
                continue
            bench.produce(fill, events, place)
            usages.append(bench.consume(case, events, place))
            rows = bench.rows(place["SLUICE_BUCKET"])
            if not case.article and rows < events:
                raise SystemExit(f"{case.name}: {events} events in, {rows} rows out: not a result")
    cpu = usages[1].cpu - usages[0].cpu
    if cpu <= 0:
        raise SystemExit(f"{case.name}: too little CPU to tell from start-up: raise --events")
    return Result(
        case.service,
        case.name,
        case.events,
        round(cpu, 3),
        round((case.events - tenth) / cpu),
        round(cpu / (case.events - tenth) * 1e6, 1),
        round(usages[1].memory, 1),
    )


def cases(events: int, article: int) -> list[tuple[Case, Case]]:
    """All measurements, each with the way its queue is filled."""
    plain, packed = {"SLUICE_WIRE": "plain"}, {"SLUICE_WIRE": "packed"}
    big = packed | {"SLUICE_PACK_MAX_EVENTS": "0", "SLUICE_PACK_MAX_BYTES": "256KiB"}
    by_article = Case("producer", "article", article, {}, article=True)
    fill = Case("producer", "fill", events, big)
    small = max(article * 4, events // 10)
    pairs = [
        (case, case)
        for case in (
            by_article,
            Case("producer", "plain", small, plain),
            Case("producer", "packed", events, packed),
            Case("producer", "packed, by bytes", events, big),
        )
    ]
    fill_plain = Case("producer", "fill", small, plain)
    lake_csv, lake_parquet = LAKE | {"SLUICE_FORMAT": "csv"}, LAKE | {"SLUICE_FORMAT": "parquet"}
    article_rows = {"SLUICE_FORMAT": "csv"}
    pairs += [
        (Case("batcher", "article", article, {}, article=True), by_article),
        (Case("batcher", "plain, CSV of 100 rows", small, article_rows), fill_plain),
        (Case("batcher", "plain, Parquet", small, lake_parquet), fill_plain),
        (
            Case("batcher", "packed, CSV of 100 rows", events, article_rows),
            Case("producer", "fill", events, packed),
        ),
        (Case("batcher", "packed, CSV", events, lake_csv | {"SLUICE_COLUMNS": "article"}), fill),
        (Case("batcher", "packed, CSV, all columns", events, lake_csv), fill),
        (Case("batcher", "packed, Parquet, all columns", events, lake_parquet), fill),
    ]
    return pairs


def main() -> None:
    """Runs all cases, prints the table, and fails when a service is under its expected ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--article-events", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1, help="repeat and take the median")
    parser.add_argument("--only", default="", help="cases whose name or service contains this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 110)
    results: list[Result] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedLocalStack(say=console.print) as localstack,
    ):
        bench = Bench(localstack, Path(folder))
        for case, fill in cases(options.events, options.article_events):
            if case.article or options.only in case.name or options.only in case.service:
                with console.status(f"{case.service}: {case.name}, {case.events} events"):
                    found = [measure(bench, case, fill) for _ in range(options.rounds)]
                middle = statistics.median_low([r.cpu for r in found])
                results.append(next(r for r in found if r.cpu == middle))
                console.print(
                    f"{case.service:9} {case.name:30} {results[-1].microseconds:8} µs an event"
                )
    results = _with_ratios(results)
    _show(console, results)
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    measured = {r.service for r in results if r.name != "article"}
    for service, wanted in ((s, EXPECTED[s]) for s in sorted(measured)):
        best = max((r.ratio for r in results if r.service == service), default=0)
        if best < wanted:
            console.print(
                f"[red]{service}: {best:.0f}× the article's loop; at least {wanted}× is expected"
            )
            sys.exit(1)


def _with_ratios(results: list[Result]) -> list[Result]:
    base = {r.service: r.per_core for r in results if r.name == "article"}
    return [
        Result(**{**asdict(r), "ratio": round(r.per_core / base[r.service], 1)}) for r in results
    ]


def _show(console: Console, results: list[Result]) -> None:
    table = Table(
        title=f"Events a second and core ({platform.machine()}, Python {platform.python_version()})"
    )
    for name in ("service", "case"):
        table.add_column(name)
    for name in ("events", "µs/event", "events/s/core", "× article", "peak MiB"):
        table.add_column(name, justify="right")
    table.add_column("")
    top = max(r.ratio for r in results)
    for r in results:
        bar = "█" * max(1, round(20 * r.ratio / top))
        table.add_row(
            r.service,
            r.name,
            f"{r.events:,}",
            f"{r.microseconds:,.1f}",
            f"{r.per_core:,}",
            f"{r.ratio:,.1f}",
            f"{r.memory:.0f}",
            bar,
        )
    console.print(table)


if __name__ == "__main__":
    main()
