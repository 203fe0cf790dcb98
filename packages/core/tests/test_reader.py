"""Objects back as rows: formats, compressions, damaged ones, mixed lakes."""

import gzip
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from sluice_core.errors import PermanentError
from sluice_core.lake.reader import parts, read_arrow, read_batches, read_table
from sluice_core.testing import FakeS3

CSV = b'id,title,comment,event_id\n1,NA,"a, ""b""\nc",e1\n,null,,e2\n'
JSONL = b'{"id":1,"title":"NA","comment":"2024-01-01","event_id":"e1"}\n{"id":null,"title":"\xe2\x80\xa8","event_id":"e2"}\n'


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _zstd_unsized(data: bytes) -> bytes:
    squeezer = zstandard.ZstdCompressor().compressobj()
    return squeezer.compress(data) + squeezer.flush()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.csv", CSV),
        ("a.csv.gz", gzip.compress(CSV, mtime=0)),
        ("a.csv.zst", zstandard.compress(CSV)),
        ("a.csv.zst", _zstd_unsized(CSV[:40]) + _zstd_unsized(CSV[40:])),
    ],
)
def test_csv_text_stays_text_and_empty_is_missing(name: str, body: bytes) -> None:
    rows = read_table(name, body).to_pylist()
    assert rows == [
        {"id": "1", "title": "NA", "comment": 'a, "b"\nc', "event_id": "e1"},
        {"id": None, "title": "null", "comment": None, "event_id": "e2"},
    ]


def test_jsonl_keeps_text_that_looks_like_a_date_and_late_keys() -> None:
    body = JSONL + b'{"event_id":"e3","late":[1]}\n'
    table = read_table("a.jsonl", body)
    assert table.column("comment").to_pylist() == ["2024-01-01", None, None]
    assert table.column("title").to_pylist() == ["NA", "\u2028", None]
    assert table.column("late").to_pylist() == [None, None, [1]]


def test_jsonl_column_of_mixed_types_becomes_json_text() -> None:
    table = read_table("a.jsonl", b'{"v":1}\n{"v":"x"}\n{"v":null}\n{"v":{"a":2}}\n')
    assert table.column("v").to_pylist() == ["1", "x", None, '{"a":2}']


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.csv", b""),
        ("a.csv", b"a,b\n1\n"),
        ("a.csv.gz", gzip.compress(CSV, mtime=0)[:-9]),
        ("a.csv.gz", b"\x1f\x8b" + b"x" * 30),
        ("a.csv.zst", b"nonsense"),
        ("a.jsonl", b'{"a":\n'),
        ("a.jsonl", b"[1]\n"),
        ("a.parquet", b"PAR1 nothing PAR1"),
        ("a.txt", b""),
    ],
)
def test_a_damaged_object_is_named(name: str, body: bytes) -> None:
    with pytest.raises(PermanentError, match=r"^a\."):
        read_table(name, body)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_only_the_columns_asked_for(name: str) -> None:
    bodies = {"a.csv": CSV, "a.jsonl": JSONL, "a.parquet": _parquet(read_table("a.jsonl", JSONL))}
    table = read_table(name, bodies[name], columns=["event_id", "title"])
    assert table.column_names == ["event_id", "title"]
    assert table.column(0).to_pylist() == ["e1", "e2"]
    with pytest.raises(PermanentError, match="has no column 'nope'; it has id, title"):
        read_table(name, bodies[name], columns=["nope"])


def test_parts_pass_over_what_is_not_data(tmp_path: Path) -> None:
    for name in (
        "dt=1/b.csv",
        "dt=1/a.jsonl.gz",
        "_sluice/x.csv",
        "dt=1/.a.csv.crc",
        "README.md",
        "dt=1/_tmp.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert [part.name for part in parts(tmp_path)] == ["dt=1/a.jsonl.gz", "dt=1/b.csv"]


def test_bucket_parts_are_below_the_prefix_only_and_carry_metadata() -> None:
    bucket = FakeS3()
    for key in ("events/dt=1/a.csv", "events2/a.csv", "_sluice/a.csv", "events/_x/a.csv"):
        bucket.put(key, CSV, metadata={"rows": "2"})
    found = list(parts("s3://bucket/events/", bucket=bucket))
    assert [part.name for part in found] == ["dt=1/a.csv"]
    assert found[0].load() == (CSV, {"rows": "2"})
    assert [part.name for part in parts("s3://bucket", bucket=bucket)] == [
        "events/dt=1/a.csv",
        "events2/a.csv",
    ]


def test_the_table_beside_raw_objects_of_a_bucket_without_prefix_is_passed_over() -> None:
    bucket = FakeS3()
    for key in ("dt=1/a.csv", "lake/sluice/events/data/x.parquet", "lakes/a.csv"):
        bucket.put(key, CSV)
    assert [part.name for part in parts("s3://bucket", bucket=bucket)] == [
        "dt=1/a.csv",
        "lakes/a.csv",
    ]
    table = "s3://bucket/lake/sluice/events"
    assert [part.name for part in parts(table, bucket=bucket)] == ["data/x.parquet"]


def test_read_batches_narrows_numbers_and_keeps_named_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,bot,title,event_id,empty\n1,true,1984,7,\n")
    (tmp_path / "b.csv").write_bytes(b"id,bot,title,event_id,empty\n2,false,2001,8,\n")
    frame = read_batches(tmp_path)
    assert frame["id"].tolist() == [1, 2]
    assert frame["bot"].tolist() == [True, False]
    assert frame["title"].tolist() == ["1984", "2001"]
    assert frame["event_id"].tolist() == ["7", "8"]
    assert frame["empty"].isna().all()
    assert isinstance(frame, pd.DataFrame)


def test_types_and_limit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"at,n\n2024-01-01T00:00:00Z,1\n")
    (tmp_path / "b.csv").write_bytes(b"at,n\nnot read,x\n")
    table = read_arrow(tmp_path, types={"at": "timestamp", "n": "float64"}, limit=1)
    assert table.to_pylist() == [{"at": pd.Timestamp("2024-01-01", tz="UTC"), "n": 1.0}]


def test_a_lake_in_two_formats_takes_the_typed_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,event_id\n1,e1\n,e2\n")
    (tmp_path / "b.parquet").write_bytes(
        _parquet(pa.table({"id": pa.array([3], pa.int64()), "event_id": ["e3"], "more": [True]}))
    )
    table = read_arrow(tmp_path)
    assert table.column("id").to_pylist() == [1, None, 3]
    assert table.schema.field("id").type == pa.int64()
    assert table.column("more").to_pylist() == [None, None, True]


def test_types_that_cannot_meet_become_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id\nx\n")
    (tmp_path / "b.parquet").write_bytes(_parquet(pa.table({"id": pa.array([3], pa.int64())})))
    assert read_arrow(tmp_path).column("id").to_pylist() == ["x", "3"]


def test_nothing_there(tmp_path: Path) -> None:
    assert read_batches(tmp_path).empty
    assert list(read_batches(tmp_path, columns=["a"]).columns) == ["a"]
    with pytest.raises(PermanentError, match="does not exist: name a directory or s3://"):
        read_batches(tmp_path / "nowhere")
