"""Ids in against ids out, read from the objects by other code than Sluice's own reader."""

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
import zstandard

from harness.cloud import Cloud

csv.field_size_limit(2**24)


@dataclass
class Account:
    """What became of the source's events; `duplicates` maps an id to its surplus rows."""

    expected: set[str]
    rows: int
    lost: set[str] = field(default_factory=set)
    duplicates: dict[str, int] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{len(self.expected)} expected, {self.rows} rows, {len(self.lost)} lost, "
            f"{sum(self.duplicates.values())} duplicates, {len(self.strangers)} never sent"
        )


def account(expected: Iterable[str], found: Iterable[str]) -> Account:
    """Compares the ids that the source has sent with those in the objects."""
    wanted = set(expected)
    counts = Counter(found)
    return Account(
        expected=wanted,
        rows=counts.total(),
        lost=wanted - counts.keys(),
        duplicates={i: n - 1 for i, n in counts.items() if n > 1},
        strangers=counts.keys() - wanted,
    )


def data_keys(cloud: Cloud) -> list[str]:
    """Keys of all objects that are data."""
    return [stored.key for stored in cloud.bucket.list() if not stored.key.startswith("_sluice/")]


def rows(cloud: Cloud) -> Iterator[dict[str, Any]]:
    """All rows of all data objects; values of CSV are text."""
    for key in data_keys(cloud):
        yield from rows_of(key, cloud.bucket.get(key).body)


def event_ids(cloud: Cloud) -> list[str]:
    """The event id of every row."""
    return [str(row["event_id"]) for row in rows(cloud)]


def rows_of(key: str, body: bytes) -> Iterator[dict[str, Any]]:
    """The rows of one object, by the extension of its key."""
    name, body = _unpacked(key, body)
    if name.endswith(".parquet"):
        yield from pq.read_table(io.BytesIO(body)).to_pylist()
    elif name.endswith(".jsonl"):
        yield from (json.loads(line) for line in body.decode().split("\n") if line)
    elif name.endswith(".csv"):
        yield from csv.DictReader(io.StringIO(body.decode(), newline=""))
    else:
        raise AssertionError(f"an object of no known format: {key}")


def _unpacked(key: str, body: bytes) -> tuple[str, bytes]:
    if key.endswith(".gz"):
        return key.removesuffix(".gz"), gzip.decompress(body)
    if key.endswith(".zst"):
        reader = zstandard.ZstdDecompressor().stream_reader(body)
        return key.removesuffix(".zst"), reader.read()
    return key, body
