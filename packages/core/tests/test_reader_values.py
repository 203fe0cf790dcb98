"""A reader changes no value: not for a missing neighbour, not for looking like a number, not for another object's type."""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.lake.reader import read_arrow, read_batches
from sluice_core.lake.tables import narrowed

BIG = 2**53 + 1


def parquet(path: Path, **columns: list[object]) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    path.write_bytes(out.getvalue())


def test_an_integer_beside_a_missing_one_stays_what_it_is(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", id=[BIG, None], flag=[True, None], part=[1.5, None])
    frame = read_batches(tmp_path)
    assert frame["id"].tolist() == [BIG, pd.NA]
    assert frame.dtypes.astype(str).to_dict() == {
        "id": "Int64",
        "flag": "boolean",
        "part": "Float64",
    }
    (tmp_path / "a.parquet").unlink()
    (tmp_path / "a.csv").write_bytes(b"id\n9007199254740993\n\n")
    (tmp_path / "b.jsonl").write_bytes(b'{"id":9007199254740995}\n{"id":null}\n')
    assert read_batches(tmp_path)["id"].dropna().tolist() == [BIG, BIG + 2]


@pytest.mark.parametrize("text", ["0012", "12", "true", "1e3", "2024-01-01"])
def test_text_of_parquet_and_json_lines_stays_text(tmp_path: Path, text: str) -> None:
    parquet(tmp_path / "a.parquet", v=[text])
    (tmp_path / "b.jsonl").write_text(f'{{"v":"{text}"}}\n')
    (tmp_path / "c.csv").write_text(f"v\n{text}\n")
    assert read_batches(tmp_path)["v"].tolist() == [text] * 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2", "0"], [1, -2, 0]),
        (["true", "false"], [True, False]),
        (["1", "0012"], ["1", "0012"]),
        (["+5"], ["+5"]),
        (["-0"], ["-0"]),
        (["1e3", "1.0", "1.50"], ["1e3", "1.0", "1.50"]),
        (["9223372036854775808"], ["9223372036854775808"]),
        (["True", "1"], ["True", "1"]),
        (["1", "true"], ["1", "true"]),
        ([" 1"], [" 1"]),
        (["1", "a word"], ["1", "a word"]),
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_csv_is_read_as_it_is_written(
    tmp_path: Path, values: list[str], expected: list[object], apart: bool
) -> None:
    objects = [[value] for value in values] if apart else [values]
    for number, lines in enumerate(objects):
        (tmp_path / f"{number:02d}.csv").write_text("\n".join(["v", *lines, ""]))
    assert read_batches(tmp_path)["v"].tolist() == expected


@given(st.lists(st.text() | st.from_regex(r"[-+]?[0-9]{1,20}", fullmatch=True), max_size=4))
def test_what_is_narrowed_would_be_written_as_it_was_read(values: list[str]) -> None:
    encodable = [value.encode("utf-8", "replace").decode() for value in values]
    (table,) = narrowed([pa.table({"v": pa.array(encodable, pa.string())})], [True])
    got = table.column("v").to_pylist()
    written = [str(v).lower() if isinstance(v, bool) else str(v) for v in got]
    assert written == encodable


def test_objects_whose_types_differ_change_no_value(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", v=[BIG], w=[1], at=[pd.Timestamp("2024-01-01", tz="UTC")])
    parquet(tmp_path / "b.parquet", v=[1.5], w=[2.5])
    (tmp_path / "c.csv").write_bytes(b'at\n"2024-01-01 00:00:00+00:00"\n')
    table = read_arrow(tmp_path)
    assert table.column("v").to_pylist() == [str(BIG), "1.5", None]
    assert table.column("w").to_pylist() == [1.0, 2.5, None]
    assert table.column("at").to_pylist()[2] == pd.Timestamp("2024-01-01", tz="UTC")


def test_json_lines_keep_integers_of_any_length(tmp_path: Path) -> None:
    big = 10**30 + 1
    (tmp_path / "a.jsonl").write_text(f'{{"v":{big}}}\n{{"v":1}}\n{{"v":null}}\n{{"v":1e300}}\n')
    assert read_arrow(tmp_path).column("v").to_pylist() == [str(big), "1", None, "1e+300"]


def test_events_as_they_came_are_read_whatever_they_hold(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(
        b'{"id": 1, "meta": {"id": "a"}, "half": "x\\ud83d", "pair": "\\ud83d\\ude00"}\n'
        b'{"id": 2, "meta": {"id": 5, "more": [1]}, "half": "\\\\ud83d"}\n'
    )
    (tmp_path / "c.jsonl").write_bytes(b'{"id": 3, "meta": {"dt": null}}\n')
    frame = read_batches(tmp_path)
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["meta"].tolist() == ['{"id":"a"}', '{"id":5,"more":[1]}', '{"dt":null}']
    assert frame["half"].tolist()[:2] == ["x\ufffd", "\\ud83d"]
    assert frame["pair"].tolist()[0] == "😀"
