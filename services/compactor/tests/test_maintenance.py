"""Finished days, snapshots, files that nobody names, rows that must stay gone: the rows that remain are the same."""

from datetime import UTC, datetime

import pytest
from pyiceberg.types import StringType
from sluice_compactor.compact.partition import FileLimits
from sluice_compactor.errors import LostRaceError
from sluice_compactor.maintain.forget import Forgetter
from sluice_compactor.maintain.rewrite import files_by_day, rewrite
from sluice_compactor.maintain.snapshots import reachable
from sluice_compactor.maintain.sweep import AGE, sweep
from sluice_compactor.store.folder import Folder
from sluice_compactor.testing import DAY, HOUR, FolderLake, events
from sluice_compactor.write import commit
from sluice_core.errors import ConfigError

LIMITS = FileLimits(64 * 2**20, 256 * 2**20)
NEVER = {"SLUICE_LAKE_MAINTAIN": "false"}


def small_files(lake, count=6, name="e"):
    for number in range(count):
        lake.put(
            f"{DAY}/hour={number % 3:02d}/{number}.parquet", events(f"{name}{number}", n=number)
        )
        lake.compact()


def files(lake):
    return [task.file for task in lake.table().scan().plan_files()]


def test_a_finished_days_small_files_become_one_and_the_rows_stay(tmp_path):
    lake = FolderLake(tmp_path, NEVER)
    small_files(lake)
    before = lake.rows()
    again = FolderLake(tmp_path)
    again.compact()
    assert len(files(again)) == 1
    assert again.rows() == before
    again.put(f"{DAY}/hour=01/late.parquet", events("e1", "late", n=7))
    assert again.compact().rows_out == 1
    assert len(again.ids()) == len(set(again.ids())) == 7


def test_todays_files_are_left_alone(tmp_path):
    lake = FolderLake(tmp_path)
    today = datetime.now(UTC).date()
    for number in range(6):
        lake.put(f"dt={today}/hour=00/{number}.parquet", events(f"e{number}"))
        lake.compact()
    assert len(files(lake)) == 6


def test_files_of_an_older_schema_are_rewritten_in_the_present_one(tmp_path):
    lake = FolderLake(tmp_path, NEVER)
    small_files(lake, 3)
    lake.put(f"{HOUR}/new.parquet", events("new", bot=True))
    lake.compact()
    with lake.table().update_schema() as update:
        update.rename_column("title", "headline")
        update.add_column("later", StringType())
    before = lake.rows()
    table = lake.table()
    ((day, tasks),) = files_by_day(table).items()
    assert rewrite(table, day, tasks, id_column="event_id", limits=LIMITS) == 1
    assert lake.rows() == before
    assert before[0]["headline"] == "title e0"


def test_a_rewrite_upon_a_stale_read_changes_nothing(tmp_path):
    lake = FolderLake(tmp_path, NEVER)
    small_files(lake)
    table = lake.table()
    ((day, tasks),) = files_by_day(table).items()
    lake.put(f"{HOUR}/late.parquet", events("late"))
    lake.compact()
    there = set((tmp_path / "lake").rglob("*.parquet"))
    with pytest.raises(LostRaceError):
        rewrite(table, day, tasks, id_column="event_id", limits=LIMITS)
    assert len(lake.ids()) == 7
    assert set((tmp_path / "lake").rglob("*.parquet")) == there


@pytest.mark.parametrize("step", ["copied", "rewritten"])
def test_a_rewrite_that_dies_leaves_the_rows_as_they_were(tmp_path, step):
    lake = FolderLake(tmp_path, NEVER)
    small_files(lake)
    before = lake.rows()
    again = FolderLake(tmp_path)

    def die(name):
        if name == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again.compact(point=die)
    assert again.rows() == before
    again.compact()
    assert again.rows() == before
    assert len(files(again)) == 1


def test_snapshots_expire_with_the_files_that_only_they_named(tmp_path):
    lake = FolderLake(tmp_path, {"SLUICE_LAKE_KEEP_SNAPSHOTS": "0"})
    small_files(lake)
    lake.compact()
    table = lake.table()
    assert len(table.metadata.snapshots) == 1
    named = {address.removeprefix("file://") for address in reachable(table)}
    there = {str(p) for p in tmp_path.rglob("*") if p.suffix in (".parquet", ".avro")}
    assert there == named
    assert len(lake.ids()) == 6


def test_a_tagged_snapshot_stays_readable(tmp_path):
    lake = FolderLake(tmp_path, {"SLUICE_LAKE_KEEP_SNAPSHOTS": "0"})
    small_files(lake, 1)
    table = lake.table()
    kept = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(kept, "audit").commit()
    small_files(lake, 6, "later")
    table = lake.table()
    assert len(table.metadata.snapshots) == 2
    assert len(table.scan(snapshot_id=kept).to_arrow()) == 1


def test_the_sweep_takes_old_files_that_nobody_names_and_never_a_live_one(tmp_path):
    lake = FolderLake(tmp_path, NEVER)
    small_files(lake)
    opened = lake.open()
    root = tmp_path / "lake" / "sluice" / "events"
    orphans = [root / "data" / DAY / "lost.parquet", root / "metadata" / "lost-m0.avro"]
    young = root / "data" / DAY / "young.parquet"
    other = root / "data" / "notes.txt"
    for path in (*orphans, young, other):
        path.write_bytes(b"x")
    for path in root.rglob("*"):
        if path.is_file() and path != young:
            lake.age(path, AGE + 60)
    live = {p for p in root.rglob("*") if p.is_file()} - set(orphans)
    now = lake.runtime.clock.now()
    gone = sweep(opened.catalog, lake.settings.identifier, opened.place, now=now)
    assert sorted(gone) == sorted(p.relative_to(tmp_path).as_posix() for p in orphans)
    assert {p for p in root.rglob("*") if p.is_file()} == live
    assert len(lake.ids()) == 6


def test_a_file_that_is_committed_after_the_listing_is_not_swept(tmp_path, monkeypatch):
    lake = FolderLake(tmp_path, NEVER)
    small_files(lake, 1)
    opened, inner = lake.open(), Folder.list

    def late(self, prefix=""):
        if prefix.startswith("lake/"):
            monkeypatch.undo()
            small_files(lake, 3, "late")
            for path in (tmp_path / "lake").rglob("*"):
                if path.is_file():
                    lake.age(path, AGE + 60)
        return inner(self, prefix)

    monkeypatch.setattr(Folder, "list", late)
    sweep(opened.catalog, lake.settings.identifier, opened.place, now=lake.runtime.clock.now())
    assert len(lake.ids()) == 4


def test_without_a_table_nothing_is_swept(tmp_path):
    lake = FolderLake(tmp_path)
    left = tmp_path / "lake" / "sluice" / "events" / "data" / "a.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    lake.age(left, AGE + 60)
    opened = lake.open()
    now = lake.runtime.clock.now()
    assert sweep(opened.catalog, lake.settings.identifier, opened.place, now=now) == []
    assert left.exists()


def test_manifests_are_merged_when_there_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr(commit, "MERGE_FROM", 5)
    lake = FolderLake(tmp_path, NEVER)
    small_files(lake, 8)
    table = lake.table()
    assert len(table.current_snapshot().manifests(table.io)) <= 5
    assert len(lake.ids()) == 8
    lake.put(f"{DAY}/hour=00/again.parquet", events("e0", "e3", "new"))
    assert lake.compact().rows_out == 1


def forgetter(lake, point=lambda _step: None):
    opened = lake.open()
    return Forgetter(
        opened.catalog,
        lake.settings.identifier,
        opened.place,
        id_column="event_id",
        limits=LIMITS,
        point=point,
    )


@pytest.fixture
def people(tmp_path):
    lake = FolderLake(tmp_path, NEVER)
    rows = [
        {"event_id": "1", "user": "Ada"},
        {"event_id": "2", "user": "Bob"},
        {"event_id": "3", "user": None},
    ]
    lake.put(f"{HOUR}/1.parquet", rows)
    lake.put("dt=2026-11-24/hour=01/1.parquet", [{"event_id": "4", "user": "Ada"}])
    lake.compact()
    return lake


def test_what_is_forgotten_stays_gone_also_when_it_comes_again(people):
    assert forgetter(people).forget("user = 'Ada'", do=False).rows == 2
    assert len(people.ids()) == 4
    found = forgetter(people).forget("user = 'Ada'", do=True)
    assert (found.rows, found.files, found.done) == (2, 2, True)
    assert people.ids() == ["2", "3"]
    people.put(f"{HOUR}/late.parquet", [{"event_id": "1", "user": "Ada"}])
    people.put("dt=2026-11-24/hour=01/late.parquet", [{"event_id": "4", "user": "Ada"}])
    report = people.compact()
    assert (report.rows_in, report.rows_out) == (2, 0)
    assert people.ids() == ["2", "3"]
    assert people.raw() == []


def test_after_a_purge_no_file_holds_what_was_forgotten(people):
    forgetter(people).forget("user = 'Ada'", do=True)
    assert forgetter(people).purge() >= 1
    bytes_left = b"".join(path.read_bytes() for path in people.root.rglob("*.parquet"))
    assert b"Bob" in bytes_left
    assert b"Ada" not in bytes_left
    assert people.ids() == ["2", "3"]


def test_a_forget_that_dies_before_its_commit_is_whole_when_it_is_done_again(people):
    def die(step):
        if step == "remembered":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forgetter(people, die).forget("user = 'Ada'", do=True)
    assert len(people.ids()) == 4
    assert forgetter(people).forget("user = 'Ada'", do=True).rows == 2
    assert people.ids() == ["2", "3"]


def test_a_forget_starts_over_when_a_compactor_was_faster(people):
    came = []

    def meanwhile(step):
        if step == "remembered" and not came:
            came.append(step)
            people.put(f"{HOUR}/9.parquet", [{"event_id": "9", "user": "Ada"}])
            people.compact()

    found = forgetter(people, meanwhile).forget("user = 'Ada'", do=True)
    assert found.rows == 3
    assert people.ids() == ["2", "3"]


def test_a_compactor_that_has_read_before_the_rows_went_does_not_bring_them_back(people):
    people.put(
        f"{HOUR}/9.parquet", [{"event_id": "1", "user": "Ada"}, {"event_id": "9", "user": "X"}]
    )
    done = []

    def meanwhile(step):
        if step == "written" and not done:
            done.append(forgetter(people).forget("user = 'Ada'", do=True))

    report = people.compact(point=meanwhile)
    assert report.lost_races == 1
    assert people.ids() == ["2", "3", "9"]


@pytest.mark.parametrize("where", ["user =", "nobody = 'x'", "", "user = 3 ;"])
def test_a_condition_that_is_none_is_refused(people, where):
    with pytest.raises(ConfigError, match="--where"):
        forgetter(people).forget(where, do=True)
    assert len(people.ids()) == 4


def test_forgotten_ids_are_hashes(people):
    forgetter(people).forget("event_id = '2'", do=True)
    (path,) = (people.root / "_sluice").rglob("*.bin")
    assert len(path.read_bytes()) == 16
