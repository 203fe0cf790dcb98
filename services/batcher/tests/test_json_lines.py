"""The lines made by columns are, byte for byte, those that msgspec writes row by row."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sluice_batcher.write import json_lines
from sluice_batcher.write.formats import make_format
from sluice_batcher.write.json_lines import by_columns, by_rows
from sluice_core.lake.column_types import TIMESTAMP
from sluice_core.wire.event_time import MAX_MICROS, MIN_MICROS

CONTROLS = "".join(map(chr, range(32)))
TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', "\\", '\\"', '"\\\\', "", CONTROLS, "\x7f\u2028\u2029\x85", "</é\U0001f600", "null"]
)
MICROS = (
    st.integers(MIN_MICROS, MAX_MICROS)
    | st.integers(MIN_MICROS // 10**6, MAX_MICROS // 10**6).map(lambda seconds: seconds * 10**6)
    | st.sampled_from([MIN_MICROS, MAX_MICROS, 0, 1, -1, 999_999, -999_999])
)
FAR = st.sampled_from([MAX_MICROS + 1, MIN_MICROS - 1, 10**18, -(10**17)])
INNER = pa.struct([("x", pa.string()), ("y", pa.list_(pa.int64()))])
VALUES = {
    pa.string(): TEXT,
    pa.large_string(): TEXT,
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2),
    pa.bool_(): st.booleans(),
    TIMESTAMP: MICROS,
    pa.float64(): st.floats()
    | st.sampled_from([1.0, -0.0, 1e16, 1e22, 5e-324, float("nan"), float("inf")]),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.timestamp("ms"): st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
        lambda time: time.replace(microsecond=0)
    ),
    pa.date32(): st.dates(date(1, 1, 1)),
    pa.duration("us"): st.timedeltas(timedelta(-(10**5)), timedelta(10**5)),
    pa.decimal128(20, 3): st.integers(-(10**9), 10**9).map(lambda n: Decimal(n) / 1000),
    pa.binary(): st.binary(max_size=5),
    pa.list_(pa.string()): st.lists(TEXT | st.none(), max_size=3),
    INNER: st.fixed_dictionaries({"x": TEXT | st.none(), "y": st.lists(st.integers(0, 9))}),
    pa.dictionary(pa.int32(), pa.string()): TEXT,
    pa.null(): st.none(),
}


@st.composite
def arrays(draw, kind, rows):
    values = draw(st.lists(VALUES[kind] | st.none(), min_size=rows, max_size=rows))
    if kind == TIMESTAMP:
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


@st.composite
def tables(draw):
    names = draw(st.lists(TEXT, min_size=1, max_size=6, unique=True))
    pieces = []
    kinds = [draw(st.sampled_from(list(VALUES))) for _ in names]
    for _ in range(draw(st.integers(1, 3))):
        rows = draw(st.integers(0, 5))
        columns = [draw(arrays(kind, rows)) for kind in kinds]
        pieces.append(pa.Table.from_arrays(columns, names=names))
    table = pa.concat_tables(pieces)
    return table.slice(draw(st.integers(0, 3)))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(tables())
def test_both_ways_give_the_same_lines(table):
    lines = by_columns(table)
    assert lines == by_rows(table)
    assert lines.count(b"\n") == table.num_rows
    # What msgspec has no JSON number for is null; Python would read NaN.
    assert all(json.loads(line, parse_constant=pytest.fail) for line in lines.splitlines())


@given(st.lists(MICROS | FAR | st.none(), max_size=6))
def test_times_of_any_year_are_the_same_both_ways(micros):
    at = pa.array(micros, pa.int64()).cast(TIMESTAMP)
    assert by_columns(pa.table({"at": at})) == by_rows(pa.table({"at": at}))


def test_what_lies_where_nothing_is_stays_out():
    """Arrow lets anything lie in the place of a missing value."""
    full = pa.array(["gone", 'st"ay', "gone"])
    _, ends, data = full.buffers()
    present = pa.py_buffer(np.array([0b010], np.uint8).tobytes())
    text = pa.Array.from_buffers(pa.string(), 3, [present, ends, data])
    number = pa.Array.from_buffers(pa.int64(), 3, [present, pa.array([7, 8, 9]).buffers()[1]])
    time = pa.Array.from_buffers(TIMESTAMP, 3, [present, pa.array([-(2**63), 0, 5]).buffers()[1]])
    lines = by_columns(pa.table({"text": text, "number": number, "time": time}))
    assert [json.loads(line) for line in lines.splitlines()] == [
        {"text": None, "number": None, "time": None},
        {"text": 'st"ay', "number": 8, "time": "1970-01-01T00:00:00Z"},
        {"text": None, "number": None, "time": None},
    ]


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 5000])
def test_tables_of_any_length_are_whole(rows, monkeypatch):
    monkeypatch.setattr(json_lines, "_BLOCK", 700)
    monkeypatch.setattr(json_lines, "_FEW", 300)
    table = pa.table(
        {
            "n": pa.array(range(rows), pa.int64()),
            "text": pa.array([None if n % 7 == 0 else f'"{n}"' for n in range(rows)], pa.string()),
            "at": pa.array(range(rows), pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    lines = make_format("jsonl", "none").encode(table).splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(rows))
    assert b"".join(line + b"\n" for line in lines) == by_rows(table)


def test_texts_of_more_than_arrows_strings_hold_are_the_same(monkeypatch):
    monkeypatch.setattr(json_lines, "_NARROW", 1)
    table = pa.table({"a": ["x", None, '"'], "b": pa.array(["", "é", None], pa.large_string())})
    assert by_columns(table) == by_rows(table)


def test_a_table_without_columns_has_no_lines():
    assert by_columns(pa.table({})) == by_rows(pa.table({})) == b""


def test_a_time_is_written_as_short_as_it_is():
    at = [datetime(2026, 11, 23, 14, tzinfo=UTC), datetime(2026, 11, 23, 14, 0, 0, 120, UTC)]
    assert by_columns(pa.table({"at": pa.array(at, TIMESTAMP)})) == (
        b'{"at":"2026-11-23T14:00:00Z"}\n{"at":"2026-11-23T14:00:00.000120Z"}\n'
    )
