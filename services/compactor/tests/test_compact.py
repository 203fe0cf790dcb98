"""Raw objects into the table: each event once, whatever comes again, and nothing deleted that is not there."""

import gzip
import random
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, StringType
from sluice_compactor.compact import partition
from sluice_compactor.ids import known
from sluice_compactor.testing import DAY, HOUR, FolderLake, events
from sluice_core.errors import TemporaryError


@pytest.fixture
def lake(tmp_path):
    return FolderLake(tmp_path)


def test_each_event_is_there_once_and_the_raw_objects_are_gone(lake):
    lake.put(f"{HOUR}/batch-1.csv", events(1, 2, 3))
    lake.put(f"{HOUR}/batch-2.csv", events(3, 2, 4, 4))
    report = lake.compact()
    assert lake.ids() == ["1", "2", "3", "4"]
    assert lake.raw() == []
    assert (report.rows_in, report.rows_out, report.deleted) == (7, 4, 2)


def test_day_and_hour_come_from_the_path(lake):
    lake.put(f"{HOUR}/batch-1.csv", events(1))
    lake.put("year=2026/month=11/day=24/batch-1.csv", events(2))
    lake.compact()
    assert [(row["dt"], row["hour"]) for row in lake.rows()] == [
        (date(2026, 11, 23), 14),
        (date(2026, 11, 24), None),
    ]


@pytest.mark.parametrize("again", ["batch-1.csv", "batch-9.csv"])
def test_the_redelivery_of_a_whole_compacted_day_adds_no_row(lake, again):
    lake.put(f"{HOUR}/batch-1.csv", events(*range(50)))
    lake.compact()
    before = lake.table().current_snapshot()
    lake.put(f"{HOUR}/{again}", events(*range(50)))
    report = lake.compact()
    assert (report.rows_in, report.rows_out) == (50, 0)
    assert lake.table().current_snapshot() == before
    assert len(lake.ids()) == 50
    assert lake.raw() == []


def test_a_late_arrival_adds_only_what_is_new(lake):
    lake.put(f"{HOUR}/batch-1.csv", events(1, 2))
    lake.compact()
    lake.put(f"{HOUR}/batch-2.csv", events(2, 3))
    lake.compact()
    assert lake.ids() == ["1", "2", "3"]


def test_a_copy_that_came_when_the_hour_was_no_part_of_the_path_is_known(lake):
    lake.put(f"{DAY}/batch-1.csv", events(1))
    lake.compact()
    lake.put(f"{HOUR}/batch-2.csv", events(1, 2))
    lake.compact()
    lake.put(f"{DAY}/batch-3.csv", events(2, 3))
    lake.compact()
    assert lake.ids() == ["1", "2", "3"]


def test_only_the_hours_that_are_dirty_are_read(lake, monkeypatch):
    for hour in range(3):
        lake.put(f"{DAY}/hour={hour:02d}/batch.csv", events(f"e{hour}"))
        lake.compact()
    read = []
    inner = known._hashes

    def told(table, task, column):
        read.append(task.file.file_path)
        return inner(table, task, column)

    monkeypatch.setattr(known, "_hashes", told)
    lake.put(f"{DAY}/hour=01/batch-2.csv", events("e1", "new"))
    lake.compact()
    assert len(read) == 1
    assert lake.ids() == ["e0", "e1", "e2", "new"]


def test_young_objects_are_left_alone(tmp_path):
    lake = FolderLake(tmp_path, {"SLUICE_LAKE_SETTLE": "15m"})
    old = lake.put(f"{HOUR}/batch-1.csv", events(1))
    lake.age(old, 1000)
    lake.put(f"{HOUR}/batch-2.csv", events(2))
    report = lake.compact()
    assert report.listing.young == 1
    assert lake.ids() == ["1"]
    assert lake.raw() == [f"{HOUR}/batch-2.csv"]


def test_raw_objects_stay_when_they_are_wanted(tmp_path):
    lake = FolderLake(tmp_path, {"SLUICE_LAKE_KEEP_RAW": "true"})
    lake.put(f"{HOUR}/batch-1.csv", events(1, 2))
    lake.compact()
    lake.compact()
    assert lake.ids() == ["1", "2"]
    assert lake.raw() == [f"{HOUR}/batch-1.csv"]


FITS = events(1)
ODD = {
    "unreadable.csv.gz": b"not gzip",
    "unreadable.parquet": b"PAR1 cut",
    "no-json.jsonl": b'{"event_id": "7"}\n{"cut',
    "no-id-column.csv": b"title\n1\n",
    "an-empty-id.csv": b'event_id,title\n"","a"\n"8","b"\n',
    "a-missing-id.csv": b'event_id,title\n,"a"\n"8","b"\n',
    "no-id-at-all.csv": b'event_id,title\n,"a"\n,"b"\n',
    "a-partition.csv": b"event_id,title,hour\n9,a,3\n",
    "case.csv": b"event_id,Title\n9,a\n",
}


@pytest.mark.parametrize("name", ODD)
def test_what_does_not_fit_is_left_and_told_and_the_rest_commits(lake, name):
    lake.put(f"{HOUR}/batch-1.csv", events(1))
    lake.put_bytes(f"{HOUR}/{name}", ODD[name])
    lake.put(f"{HOUR}/zz.csv", events(2))
    report = lake.compact()
    assert lake.ids() == ["1", "2"]
    assert lake.raw() == [f"{HOUR}/{name}"]
    assert list(report.set_aside) == [f"events/{HOUR}/{name}"]
    assert lake.compact().set_aside == report.set_aside


def test_set_aside_alone_makes_no_table(lake):
    lake.put_bytes(f"{HOUR}/broken.parquet", b"no")
    lake.put_bytes("batch.csv", b"event_id\n1\n")
    report = lake.compact()
    assert lake.open().table() is None
    assert set(report.set_aside) == {f"events/{HOUR}/broken.parquet", "events/batch.csv"}


def test_why_something_is_set_aside_tells_no_content(lake):
    lake.put(f"{HOUR}/1.parquet", events(1, n=5))
    lake.put_bytes(f"{HOUR}/2.csv", b"event_id,n\n2,SECRET\n")
    (why,) = lake.compact().set_aside.values()
    assert "'n' is int64 in the table" in why
    assert "SECRET" not in why


def test_new_columns_extend_the_table(lake):
    lake.put(f"{HOUR}/1.parquet", events(1))
    lake.compact()
    lake.put(f"{HOUR}/2.parquet", events(2, size=5, at=datetime(2026, 11, 23, tzinfo=UTC)))
    lake.put(f"{HOUR}/3.parquet", events(3, bot=True))
    report = lake.compact()
    assert report.lost_races == 0
    assert [(row["size"], row["at"], row["bot"]) for row in lake.rows()] == [
        (None, None, None),
        (5, datetime(2026, 11, 23, tzinfo=UTC), None),
        (None, None, True),
    ]


def test_an_object_that_is_set_aside_adds_no_column(lake):
    lake.put(f"{HOUR}/1.parquet", events(1, n=5))
    lake.put(f"{HOUR}/2.parquet", events(2, n="text", extra=1))
    lake.put(f"{HOUR}/3.parquet", events(3, tags=["a"], extra=1))
    report = lake.compact()
    assert len(report.set_aside) == 2
    assert "extra" not in lake.table().schema().column_names


def test_a_column_without_a_value_waits_for_its_type(lake):
    lake.put(f"{HOUR}/1.jsonl", events(1, size=None))
    lake.put(f"{HOUR}/2.jsonl", events(2, size=7))
    lake.compact()
    assert [row["size"] for row in lake.rows()] == [None, 7]


SCHEMA = pa.schema([("event_id", pa.string()), ("n", pa.int64()), ("title", pa.string())])
ROWS = [{"event_id": "a", "n": 1, "title": "0012"}, {"event_id": "b", "n": None, "title": ""}]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_every_format_and_compression_gives_the_same_rows(lake, fmt, ending):
    path = lake.put(f"{HOUR}/batch.{fmt}", ROWS, SCHEMA if fmt != "jsonl" else None)
    if fmt == "csv":
        tell_types(lake, "sis")
    pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}.get(ending)
    if pack:
        path.rename(f"{path}{ending}")
        (path.parent / f"{path.name}{ending}").write_bytes(
            pack((path.parent / f"{path.name}{ending}").read_bytes())
        )
    lake.compact()
    assert [{k: row[k] for k in ROWS[0]} for row in lake.rows()] == ROWS


def tell_types(lake, letters):
    """What S3 keeps as user metadata, a folder keeps in a file."""
    file = lake.root / "_sluice" / "metadata.json"
    file.parent.mkdir(exist_ok=True)
    names = [f"events/{HOUR}/batch.csv{ending}" for ending in ("", ".gz", ".zst")]
    file.write_text(
        "{" + ",".join(f'"{name}": {{"column-types": "{letters}"}}' for name in names) + "}"
    )


def test_csv_that_nobody_gave_types_stays_text_until_the_table_has_one(lake):
    lake.put_bytes(f"{HOUR}/1.csv", b"event_id,n\n1,12\n")
    lake.compact()
    assert lake.rows()[0]["n"] == "12"


def test_csv_takes_the_types_that_the_table_has(lake):
    lake.put(f"{HOUR}/1.parquet", events(1, n=5, at=datetime(2026, 11, 23, 14, tzinfo=UTC)))
    lake.put_bytes(f"{HOUR}/2.csv", b"event_id,n,at\n2,7,2026-11-23 14:00:01+00:00\n")
    lake.compact()
    assert [(row["n"], row["at"].second) for row in lake.rows()] == [(5, 0), (7, 1)]


def test_an_object_that_vanishes_between_list_and_read_is_left_out(lake):
    gone = lake.put(f"{HOUR}/1.csv", events(1))
    lake.put(f"{HOUR}/2.csv", events(2))

    def vanish(step):
        if step == "known":
            gone.unlink(missing_ok=True)

    lake.put(f"{DAY}/hour=00/0.csv", events(0))
    report = lake.compact(point=vanish)
    assert lake.ids() == ["0", "2"]
    assert report.deleted == 2
    assert not report.failures


def test_ids_beyond_the_memory_are_taken_in_parts_with_the_same_result(tmp_path):
    lake = FolderLake(tmp_path, {"SLUICE_LAKE_MAX_MEMORY": "16MiB"})
    many = 30_000
    per_pass = 16 * 2**20 // 3 // 64
    for part in range(5):
        ids = range(part * many, (part + 1) * many + 500)
        lake.put(f"{HOUR}/{part}.csv", [{"event_id": f"e{i}"} for i in ids])
    assert 5 * many > per_pass, "the memory must not hold them all"
    report = lake.compact()
    (outcome,) = report.outcomes()
    assert outcome.shards > 1
    assert (report.rows_in, report.rows_out) == (5 * many + 2500, 5 * many + 500)
    ids = lake.table().scan(selected_fields=("event_id",)).to_arrow()["event_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 5 * many + 500
    lake.put(f"{HOUR}/again.csv", [{"event_id": f"e{i}"} for i in range(10, 20_000)])
    again = lake.compact()
    assert (again.rows_out, again.deleted) == (0, 1)


def test_files_are_rolled_by_their_own_size_and_row_groups_sorted(tmp_path):
    lake = FolderLake(
        tmp_path, {"SLUICE_LAKE_FILE_BYTES": "1MiB", "SLUICE_LAKE_MAX_MEMORY": "16MiB"}
    )
    noise = [random.Random(n).randbytes(60).hex() for n in range(40_000)]
    rows = [{"event_id": name[:20], "at": n % 977, "noise": name} for n, name in enumerate(noise)]
    lake.put(f"{DAY}/hour=02/2.parquet", rows[:20_000])
    lake.put(f"{DAY}/hour=01/1.parquet", rows[20_000:])
    lake.compact()
    files = [task.file for task in lake.table().scan().plan_files()]
    assert len(files) > 1
    assert all(file.file_size_in_bytes < 4 * 2**20 for file in files)
    for file in files:
        parquet = pq.ParquetFile(file.file_path.removeprefix("file://"))
        for group in range(parquet.num_row_groups):
            part = parquet.read_row_group(group, columns=["hour", "event_id"]).to_pylist()
            assert part == sorted(part, key=lambda row: (row["hour"], row["event_id"]))
    assert len(lake.ids()) == 40_000


def test_a_table_that_is_not_ours_is_refused_before_anything_is_written(lake):
    lake.open().catalog.create_table(
        lake.settings.identifier, Schema(NestedField(1, "event_id", StringType(), required=False))
    )
    lake.put(f"{HOUR}/1.csv", events(1))
    report = lake.compact()
    assert "partitioned by nothing" in next(iter(report.failures.values()))
    assert lake.raw() == [f"{HOUR}/1.csv"]


def test_a_day_that_fails_does_not_hold_up_the_others(lake, monkeypatch):
    lake.put("dt=2026-11-22/hour=01/1.csv", events(1))
    lake.put(f"{HOUR}/1.csv", events(2))
    inner = partition.append

    def fail(table, base, files, summary):
        if summary["sluice.day"] == "2026-11-22":
            raise TemporaryError("no route to host")
        return inner(table, base, files, summary)

    monkeypatch.setattr(partition, "append", fail)
    report = lake.compact()
    assert report.failures == {date(2026, 11, 22): "no route to host"}
    assert lake.ids() == ["2"]
    assert lake.raw() == ["dt=2026-11-22/hour=01/1.csv"]
    monkeypatch.undo()
    lake.compact()
    assert lake.ids() == ["1", "2"]


def oldest(lake):
    registry = lake.runtime.metrics.registry
    return registry.get_sample_value("sluice_compactor_oldest_raw_age_seconds")


def test_the_age_of_what_waits_leaves_out_what_is_set_aside(lake):
    lake.age(lake.put_bytes(f"{HOUR}/broken.parquet", b"no Parquet"), 90_000)
    lake.age(lake.put("batch.csv", events(9)), 80_000)
    lake.age(lake.put(f"{HOUR}/batch-1.csv", events(1)), 500)
    lake.compact()
    assert 500 <= oldest(lake) < 80_000
    lake.compact()
    assert oldest(lake) == 0


def test_the_age_of_what_waits_leaves_out_what_is_kept(tmp_path):
    lake = FolderLake(tmp_path, {"SLUICE_LAKE_KEEP_RAW": "true"})
    lake.age(lake.put(f"{HOUR}/batch-1.csv", events(1)), 90_000)
    lake.compact()
    lake.compact()
    assert (lake.ids(), oldest(lake)) == (["1"], 0)


def test_the_age_of_what_waits_is_that_of_a_day_that_fails_and_of_what_is_young(
    tmp_path, monkeypatch
):
    def fail(*_args, **_options):
        raise TemporaryError("no route to host")

    lake = FolderLake(tmp_path, {"SLUICE_LAKE_SETTLE": "1h"})
    lake.age(lake.put(f"{HOUR}/batch-1.csv", events(1)), 1800)
    lake.compact()
    assert 1800 <= oldest(lake) < 3600
    lake.age(lake.put(f"{HOUR}/batch-2.csv", events(2)), 90_000)
    monkeypatch.setattr(partition, "append", fail)
    assert lake.compact().failures
    assert oldest(lake) >= 90_000
