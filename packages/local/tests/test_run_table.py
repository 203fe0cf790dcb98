"""The end of a run: its files as a table, and what is said of it."""

import json
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from sluice_cli.main import app
from sluice_core.keys import COLUMN_TYPES_METADATA, COLUMNS_METADATA, RAW
from sluice_core.lake.csv_text import encode_csv
from sluice_core.lake.folder import METADATA
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeS3
from sluice_core.testing.server import Answer, SseServer
from sluice_local.run import lake_copy, table
from sluice_local.run.table import Table, duckdb_query, make_table
from typer.testing import CliRunner

KEY = "events/dt=2026-11-23/hour=14/batch-{}.csv"


def copied(tmp_path, *parts, id_column="event_id"):
    bucket = FakeS3()
    for number, ids in enumerate(parts):
        rows = pa.table({"n": list(range(len(ids))), id_column: list(ids)})
        told = {COLUMN_TYPES_METADATA: "is"}
        bucket.put(KEY.format(number), encode_csv(rows), metadata=told)
    lake_copy.copy_objects(bucket, tmp_path)
    return tmp_path


def test_the_table_holds_each_event_once_with_its_types_and_the_files_stay(tmp_path):
    data = copied(tmp_path, "abc", "cd")
    made = make_table(data, "events", Stop())
    assert (made.rows, made.events, made.exit_code) == (4, 4, 0)
    assert len(list(data.glob("events/**/*.csv"))) == 2
    said = list(made.lines(data))
    assert said[0].startswith("as an Iceberg table: 4 rows, each event exactly once, in 1 file")
    assert any("read" in line and "--lake" in line for line in said)
    polars = pytest.importorskip("polars")
    frame = polars.scan_iceberg(made.address).collect()
    assert sorted(frame["event_id"]) == ["a", "b", "c", "d"]
    assert frame["n"].dtype == polars.Int64
    counted = duckdb.sql(duckdb_query(data)).fetchall()
    assert counted == [(date(2026, 11, 23), 14, 4)]


def test_events_as_they_came_have_a_table_too(tmp_path):
    bucket, body = FakeS3(), b'{"meta":{"id":"a"}}\n{"meta":{"id":"b"}}\n'
    for number in range(2):
        key = KEY.format(number).replace(".csv", ".jsonl")
        bucket.put(key, body, metadata={COLUMNS_METADATA: RAW})
    lake_copy.copy_objects(bucket, tmp_path)
    made = make_table(tmp_path, "events", Stop())
    assert (made.rows, made.events, made.set_aside, made.exit_code) == (2, 2, 0, 0)


def test_a_runs_table_is_nobody_elses_business(tmp_path, monkeypatch):
    with SseServer(lambda _: Answer(status=202)) as gateway:
        monkeypatch.setenv("SLUICE_PUSHGATEWAY", gateway.url)
        assert make_table(copied(tmp_path, "ab"), "events", Stop()).rows == 2
        assert gateway.requests == [], "a laptop's pass would stand in the place of a CronJob's"


def test_a_second_look_changes_nothing(tmp_path):
    data = copied(tmp_path, "ab")
    make_table(data, "events", Stop())
    assert make_table(data, "events", Stop()).rows == 2


def test_rows_without_ids_make_no_table_and_no_failure(tmp_path):
    made = make_table(copied(tmp_path, "ab", id_column="name"), "events", Stop())
    assert (made.rows, made.exit_code, made.set_aside) == (0, 0, 1)
    assert "no table" in next(made.lines(tmp_path))


def test_a_table_that_cannot_be_made_is_a_failure(tmp_path):
    data = copied(tmp_path, "ab")
    (data / METADATA).write_text("{")
    made = make_table(data, "events", Stop())
    assert made.exit_code == 1
    assert "could not be made" in next(made.lines(data))


def test_twice_is_told_as_such():
    made = Table(3, 2, 1, 10, "x")
    assert made.exit_code == 1
    assert "1 row twice" in next(made.lines(table.Path("d")))


class Impatient:
    """An event that is set from its `after`th question on."""

    def __init__(self, after):
        self._left = after

    def is_set(self):
        self._left -= 1
        return self._left < 0


@pytest.mark.parametrize("after", [0, 2, 6])
def test_a_table_that_nobody_waits_for_is_made_whole_by_what_the_run_says(tmp_path, after):
    data, stop = copied(tmp_path, "abc", "cd"), Stop()
    stop.forced_event = Impatient(after)
    left = make_table(data, "events", stop)
    assert (left.left_out, left.exit_code) == (True, 0)
    assert len(list(data.glob("events/**/*.csv"))) == 2
    (line,) = left.lines(data)
    arguments = line.split("`")[1].split()
    assert arguments[0] == "sluice"
    done = CliRunner().invoke(app, arguments[1:])
    assert done.exit_code == 0, done.output
    assert len(list(data.glob("events/**/*.csv"))) == 2
    assert "4 new rows" in done.output
    assert make_table(data, "events", Stop()).rows == 4


def test_an_earlier_table_is_moved_aside_with_its_files(tmp_path):
    data = copied(tmp_path, "ab")
    make_table(data, "events", Stop())
    moved = lake_copy.prepare(data, "events")
    assert not (data / "lake").exists()
    assert (moved / "lake" / "sluice" / "events").is_dir()
    assert json.loads((moved / "_sluice" / "metadata.json").read_text())
