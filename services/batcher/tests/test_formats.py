import gzip
import io
import json
import random
from datetime import UTC, datetime

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sluice_batcher.write.formats import REGISTRY, Compression, compressor, make_format
from sluice_batcher.write.transform import NULLABLE
from sluice_core.wire.event_time import MAX_MICROS, MIN_MICROS, to_datetime

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("number", pa.int64()),
        ("flag", pa.bool_()),
        ("real", pa.float64()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        '"',
        '""',
        "a,b",
        "l\nm",
        "r\r\ns",
        "NA",
        "null",
        "1",
        "1.0",
        "true",
        " x ",
        "\u2028",
        "\ufeff",
        "",
    ]
)
TIMES = st.datetimes(
    datetime(1900, 1, 1),
    datetime(2200, 1, 1),
    timezones=st.just(UTC),
) | st.sampled_from(
    [datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 23, 1, 2, 3, 4000, UTC)]
)
ROW = st.tuples(
    st.none() | TEXT,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.booleans(),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | TIMES,
)


def table_of(rows):
    return pa.Table.from_pylist(
        [dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA
    )


def bare_return(text):
    return text is not None and "\r" in text.replace("\r\n", "")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROW, max_size=5))
def test_csv_reads_back_as_what_pandas_would_have_written(rows):
    rows = [row for row in rows if not bare_return(row[0])]
    table = table_of(rows)
    ours = make_format("csv", None).encode(table)
    frame = table.to_pandas(types_mapper=NULLABLE.get)
    theirs = frame.to_csv(index=False).encode()
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(ours)), pd.read_csv(io.BytesIO(theirs)))


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_csv_keeps_every_text(texts):
    table = pa.table({"a": texts, "b": texts})
    body = make_format("csv", None).encode(table)
    back = pd.read_csv(io.BytesIO(body), keep_default_na=False, dtype=str)
    assert back["a"].tolist() == texts
    assert back["b"].tolist() == texts


def test_csv_bare_carriage_return_survives():
    body = make_format("csv", None).encode(pa.table({"a": ["x\ry"], "b": [1]}))
    assert pd.read_csv(io.BytesIO(body)).to_dict("records") == [{"a": "x\ry", "b": 1}]


def test_csv_tells_empty_from_missing():
    table = pa.table({"a": pa.array(["", None]), "n": pa.array([None, 5], pa.int64())})
    assert make_format("csv", None).encode(table) == b'a,n\n"",\n,5\n'


def test_csv_duckdb_sees_empty_and_missing_apart(tmp_path):
    path = tmp_path / "x.csv"
    table = pa.table({"a": pa.array(["", None, "x"]), "n": pa.array([1, None, 5], pa.int64())})
    path.write_bytes(make_format("csv", None).encode(table))
    found = duckdb.sql(f"select a, n from read_csv('{path}', allow_quoted_nulls=false)").fetchall()
    assert found == [("", 1), (None, None), ("x", 5)]


@given(st.lists(ROW, max_size=5))
def test_json_lines_hold_every_value(rows):
    table = table_of(rows)
    lines = make_format("jsonl", None).encode(table).split(b"\n")[:-1]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        got = json.loads(line)
        assert list(got) == SCHEMA.names
        assert [got["text"], got["number"], got["flag"], got["real"]] == list(row[:4])
        assert (got["at"] and datetime.fromisoformat(got["at"])) == row[4]


@pytest.mark.parametrize("compression", [None, *Compression])
@given(st.lists(ROW, max_size=5))
def test_parquet_is_the_table(compression, rows):
    table = table_of(rows)
    body = make_format("parquet", compression).encode(table)
    back = parquet.read_table(io.BytesIO(body))
    assert back.schema == SCHEMA
    assert back.equals(table)


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_compressed_text_is_the_same_text(name):
    table = table_of([("a", 1, True, 0.5, datetime(2026, 11, 23, tzinfo=UTC))])
    plain = make_format(name, "none")
    body = plain.encode(table)
    zipped, squeezed = make_format(name, "gzip"), make_format(name, "zstd")
    assert gzip.decompress(zipped.encode(table)) == body
    assert zstandard.decompress(squeezed.encode(table)) == body
    assert (plain.extension, zipped.extension, squeezed.extension) == (
        name,
        f"{name}.gz",
        f"{name}.zst",
    )
    assert zipped.encode(table) == zipped.encode(table)


def test_defaults():
    assert make_format("parquet", None).encode(table_of([]))[:4] == b"PAR1"
    assert {name: str(kind.default_compression) for name, kind in REGISTRY.items()} == {
        "csv": "none",
        "jsonl": "none",
        "parquet": "zstd",
    }
    with pytest.raises(ValueError, match="lzma"):
        make_format("csv", "lzma")


@pytest.mark.parametrize(
    ("compression", "levels", "undo"),
    [
        ("gzip", (None, 1, 2, 6, 9), gzip.decompress),
        ("zstd", (None, 1, 3, 19), zstandard.decompress),
    ],
)
def test_every_level_gives_the_same_text(compression, levels, undo):
    table = pa.table({"a": [f"row {n % 97}" for n in range(5000)]})
    plain = make_format("jsonl", "none").encode(table)
    for level in levels:
        output = make_format("jsonl", compression, level)
        assert undo(output.encode(table)) == plain
        assert output.encode(table) == output.encode(table)


def test_gzip_is_no_larger_than_gzips_own_level_6():
    rng = random.Random(7)
    words = [f"{rng.getrandbits(30):x}" for _ in range(400)]
    body = b"".join(
        b'{"id":%d,"title":"%s","comment":"%s","wiki":"enwiki"}\n'
        % (n, rng.choice(words).encode(), " ".join(rng.choices(words, k=40)).encode())
        for n in range(2000)
    )
    assert len(compressor(Compression.GZIP)(body)) <= len(gzip.compress(body, 6))


@given(
    st.lists(
        st.none()
        | st.integers(MIN_MICROS, MAX_MICROS)
        | st.sampled_from([MIN_MICROS, MAX_MICROS, 0, 1, -1, 10**6, 999_999]),
        min_size=1,
        max_size=5,
    )
)
def test_json_lines_write_times_as_iso_8601(micros):
    at = pa.array(micros, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    lines = make_format("jsonl", None).encode(pa.table({"at": at})).split(b"\n")[:-1]
    expected = [
        None
        if value is None
        else to_datetime(value).replace(tzinfo=None).isoformat().removesuffix(".000000") + "Z"
        for value in micros
    ]
    assert [json.loads(line)["at"] for line in lines] == expected


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.just('a"b'), min_size=1, unique=True))
def test_json_lines_keep_every_name(names):
    table = pa.table({name: pa.array([number]) for number, name in enumerate(names)})
    line = make_format("jsonl", None).encode(table)
    assert list(json.loads(line).items()) == [(name, n) for n, name in enumerate(names)]
