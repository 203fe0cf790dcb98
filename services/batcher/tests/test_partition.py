from collections import defaultdict
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_batcher.rows.table import Rows
from sluice_batcher.write.partition import Partitioner
from sluice_core.lake.column_types import TIMESTAMP
from sluice_core.wire.event_time import MAX_MICROS, MICROS, MIN_MICROS, to_datetime


def rows_at(micros):
    ids = [str(n) for n in range(len(micros))]
    times = pa.array(micros, pa.int64()).cast(TIMESTAMP)
    return Rows(pa.table({"event_id": ids}), times, ids, 0)


def split(spec, micros):
    found = {}
    for part in Partitioner(spec).split(rows_at(micros)):
        assert part.path not in found
        found[part.path] = part.rows.ids
        assert part.rows.table.column("event_id").to_pylist() == part.rows.ids
        if part.indices is not None:
            assert [str(i) for i in part.indices.to_pylist()] == part.rows.ids
    return found


def at(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * MICROS


def test_by_day_and_hour_of_the_rows_own_time():
    micros = [at("2026-11-23T14:59:59"), at("2026-11-23T15:00:00"), at("2026-11-23T14:00:00")]
    assert split("dt,hour", micros) == {
        "dt=2026-11-23/hour=14": ["0", "2"],
        "dt=2026-11-23/hour=15": ["1"],
    }
    assert split("dt", micros) == {"dt=2026-11-23": ["0", "1", "2"]}
    assert split("year,month,day", micros) == {"year=2026/month=11/day=23": ["0", "1", "2"]}
    assert split("none", micros) == {"": ["0", "1", "2"]}
    assert split("dt,hour", []) == {}


def test_thirty_hours_at_once():
    micros = [at("2026-11-22T20:30:00") + n * 60 * MICROS for n in range(30 * 60)]
    found = split("dt,hour", micros)
    assert len(found) == 31
    assert sum(map(len, found.values())) == len(micros)
    assert len(found["dt=2026-11-23/hour=00"]) == 60


def test_hours_of_many_days_fold_when_only_the_hour_is_asked_for():
    micros = [at("2026-11-22T05:00:00"), at("2026-11-23T05:00:00"), at("2026-11-23T06:00:00")]
    assert split("hour", micros) == {"hour=05": ["0", "1"], "hour=06": ["2"]}


@given(st.lists(st.integers(MIN_MICROS, MAX_MICROS) | st.integers(0, 10**11), max_size=30))
def test_every_row_is_in_the_partition_of_its_own_time(micros):
    expected = defaultdict(list)
    for number, value in enumerate(micros):
        when = to_datetime(value)
        path = f"dt={when.year:04d}-{when.month:02d}-{when.day:02d}/hour={when.hour:02d}"
        expected[path].append(str(number))
    assert split("dt,hour", micros) == expected


@pytest.mark.parametrize("spec", ["date", "dt,dt", "dt,", "none,dt", ""])
def test_unknown_parts(spec):
    with pytest.raises(ValueError, match="partition"):
        Partitioner(spec)
