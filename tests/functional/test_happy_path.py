"""A stream becomes objects: every format over both wires, nothing lost, nothing twice, a clean stop."""

from datetime import UTC, datetime

import pytest
from harness.account import data_keys, rows_of

pytestmark = pytest.mark.functional

EVENTS = {"packed": 3000, "plain": 800}


@pytest.mark.parametrize("wire", ["packed", "plain"])
@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_every_event_becomes_one_row(make_pipeline, fmt, wire):
    pipeline = make_pipeline(
        EVENTS[wire],
        settings={"SLUICE_FORMAT": fmt, "SLUICE_WIRE": wire, "SLUICE_COLUMNS": "recentchange"},
    )
    pipeline.start()

    found = pipeline.lossless()

    assert found.rows == len(pipeline.source.expected())
    pipeline.stop()
    assert pipeline.cloud.dead_letters() == []
    assert {stored.key.split("/")[0] for stored in pipeline.cloud.bucket.list()} == {
        "events",
        "_sluice",
    }
    for key in data_keys(pipeline.cloud):
        fetched = pipeline.cloud.bucket.get(key)
        rows = list(rows_of(key, fetched.body))
        times = [_event_time(row) for row in rows]
        assert {f"events/dt={t:%Y-%m-%d}/hour={t:%H}" for t in times} == {key.rsplit("/", 1)[0]}
        assert str(len(rows)) in fetched.metadata.values()


def _event_time(row):
    value = row["meta_dt"]
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
