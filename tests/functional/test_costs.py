"""What 10,000 events cost in requests and bytes: counts, no seconds, so that no change makes them dearer unseen.

The services run against the benchmarks' stub of SQS, S3 and the source, which counts; the output is verified.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import contenders
import data
from measure import Run, Stub, measure, stub

pytestmark = pytest.mark.functional

EVENTS = 10_000
PACKS = EVENTS // data.PACK
CASES = {case.name: replace(case, events=EVENTS) for case in contenders.cases()}


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    data.make(folder, EVENTS)
    return folder


@pytest.fixture(scope="module")
def against():
    with stub() as found:
        yield found


def _run(name: str, against: Stub, events: Path, folder: Path) -> Run:
    return measure(CASES[f"sluice: {name}"], against, events, folder)


# At most: SQS requests, objects, megabytes. Each receiver asks once in vain at the end, and
# a flush that comes early costs one more delete.
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("packed → CSV of 100", (2 * PACKS // 10 + PACKS, PACKS, 2.0)),
        ("packed → CSV of 10,000", (20, 2, 2.0)),
        ("packed → Parquet of 10,000", (20, 2, 1.35)),
        ("packed → JSON lines, gzip, of 10,000", (20, 2, 2.0)),
        ("plain → CSV of 100", (2 * EVENTS // 10 + EVENTS // 100, EVENTS // 100 + 2, 2.0)),
    ],
)
def test_the_batcher(name, most, against, events, tmp_path):
    requests, objects, megabytes = most
    run = _run(name, against, events, tmp_path)
    used = run.requests["receives"] + run.requests["deletes"] + run.requests["extends"]
    assert used <= requests, run
    assert 1 <= run.requests["puts"] <= objects, run
    assert run.megabytes <= megabytes, run


@pytest.mark.parametrize(
    ("name", "most"),
    [("SSE → packed", (PACKS + 2, 2.5)), ("SSE → plain", (EVENTS // 10 + 2, 12.0))],
)
def test_the_producer(name, most, against, events, tmp_path):
    requests, megabytes = most
    run = _run(name, against, events, tmp_path)
    assert run.requests["sends"] <= requests, run
    assert run.megabytes <= megabytes, run
