"""Whether a contender's output holds every event once: only then its figure counts."""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import zstandard
from data import FIRST_ID


class WrongOutputError(Exception):
    """Events are missing, there twice, or not those that were given."""


def check(folder: Path, count: int, *, sent: bool, times: int = 1) -> None:
    """Raises WrongOutputError unless the ids 0 … count-1 are there, `times` times each."""
    found = np.zeros(count, dtype=np.int64)
    strangers = 0
    for ids in _sent(folder) if sent else _stored(folder):
        numbers = np.asarray(ids, dtype=np.int64) - FIRST_ID
        known = (numbers >= 0) & (numbers < count)
        strangers += int((~known).sum())
        np.add.at(found, numbers[known], 1)
    lost, twice = int((found < times).sum()), int((found > times).sum())
    if lost or twice or strangers:
        raise WrongOutputError(
            f"{lost} of {count} events lost, {twice} there too often, {strangers} of no event"
        )


def _stored(folder: Path) -> Iterator[list[int]]:
    for path in (folder / "objects").iterdir():
        body = path.read_bytes()
        if path.suffix == ".gz":
            yield _lines(gzip.decompress(body))
        elif path.suffix == ".zst":
            yield _lines(_unzstd(body))
        elif path.suffix == ".parquet":
            yield pq.read_table(path, columns=["id"])["id"].to_pylist()
        elif path.suffix == ".csv":
            yield pd.read_csv(path, usecols=["id"])["id"].tolist()
        else:
            yield _lines(body)


def _sent(folder: Path) -> Iterator[list[int]]:
    for body in (folder / "sent").read_text().split("\n"):
        if body.startswith("{"):
            yield [json.loads(body)["id"]]
        elif body:
            yield _lines(_unzstd(base64.b64decode(body)))


def _lines(text: bytes) -> list[int]:
    return [json.loads(line)["id"] for line in text.split(b"\n") if line]


def _unzstd(body: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as reader:
        return reader.read()
