"""The ways of docs/how-to/read.md to read the result, run on a real result."""

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness.account import data_keys
from sluice_batcher.rows.columns import load_columns
from sluice_batcher.write.formats import make_format
from sluice_core import read_batches

pytestmark = pytest.mark.functional

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "read.md").read_text()
ATHENA = {"int64": "bigint", "string": "string", "bool": "boolean"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(params=["csv", "parquet"])
def lake(request, make_pipeline, tmp_path):
    pipeline = make_pipeline(600, settings={"SLUICE_FORMAT": request.param})
    pipeline.start()
    found = pipeline.lossless()
    for key in data_keys(pipeline.cloud):
        path = tmp_path / "sluice-data" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pipeline.cloud.bucket.get(key).body)
    return request.param, tmp_path, found.rows


def test_pandas_duckdb_and_athena(lake, monkeypatch):
    fmt, folder, rows = lake
    monkeypatch.chdir(folder)
    frame = read_batches("sluice-data/events")
    assert len(frame) == rows == frame["event_id"].nunique()

    (duck,) = [sql for sql in blocks("sql") if "DuckDB" in sql]
    if fmt == "parquet":
        # Parquet has its types with it.
        duck = re.sub(r", types = \{.*?\}", "", duck, flags=re.DOTALL)
        duck = duck.replace("read_csv", "read_parquet").replace(".csv", ".parquet")
    counts = dict(duckdb.sql(duck).fetchall())
    assert counts == frame["type"].value_counts().to_dict()

    if fmt == "parquet":
        (athena,) = [sql for sql in blocks("sql") if "CREATE EXTERNAL TABLE" in sql]
        declared = re.findall(
            r"`?(\w+)`? (bigint|string|boolean|timestamp)\b", athena.split("PARTITIONED")[0]
        )
        schema = pq.read_schema(next(folder.rglob("*.parquet")))
        assert declared == [(field.name, ATHENA[str(field.type)]) for field in schema]


def test_duckdb_reads_a_column_of_digits_that_is_later_a_word(tmp_path, monkeypatch):
    columns = load_columns("article")
    for hour, title in enumerate(["0012", "1984", "a word"]):
        folder = tmp_path / "sluice-data" / "events" / "dt=2026-11-23" / f"hour={hour:02d}"
        folder.mkdir(parents=True)
        rows = [
            {"title": title, "user": title, "type": "edit", "event_id": f"{n}"} for n in range(50)
        ]
        body = make_format("csv", None).encode(pa.Table.from_pylist(rows, schema=columns.schema))
        (folder / "batch.csv").write_bytes(body)
    monkeypatch.chdir(tmp_path)
    (duck,) = [sql for sql in blocks("sql") if "DuckDB" in sql]
    assert duckdb.sql(duck).fetchall() == [("edit", 150)]
    named = duck.replace("type, count(*)", "DISTINCT title, user").partition("GROUP BY")[0]
    assert sorted(duckdb.sql(named).fetchall()) == [(t, t) for t in ("0012", "1984", "a word")]
    frame = read_batches("sluice-data/events")
    assert sorted(frame["title"].unique()) == ["0012", "1984", "a word"]
