"""`sluice compact`, `lake forget`, `read --lake` and `verify` with the table, on a folder."""

import json

import pytest
from sluice_cli.lake import installed
from sluice_cli.main import app
from sluice_cli.verify import objects
from sluice_compactor.testing import HOUR, FolderLake, events
from typer.testing import CliRunner


@pytest.fixture
def lake(tmp_path):
    return FolderLake(tmp_path, {"SLUICE_LAKE_MAINTAIN": "false"})


def sluice(*arguments, code=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def verify(lake, *more, code=0):
    source = lake.root / "source.ids"
    told = sluice(
        "verify", lake.root / "events", "--source-ids", source, "--json", *more, code=code
    )
    # A compactor that a test lets run meanwhile logs in this process.
    return json.loads(told[told.index("{\n") :])


def given(lake, *ids):
    (lake.root / "source.ids").write_text("".join(f"{name}\n" for name in ids))


def test_compact_tells_what_it_did_and_status_how_things_are(lake):
    lake.put(f"{HOUR}/1.csv", events(1, 2, 2))
    lake.put_bytes(f"{HOUR}/2.csv", b"title\nx\n")
    told = sluice("compact", lake.root, "--settle", "0")
    assert told.startswith("2 new rows in table")
    assert "2 new rows in table sluice.events, of 3 rows read (1 duplicate left out)" in told
    assert "1 raw object deleted" in told
    status = json.loads(sluice("compact", lake.root, "--status", "--settle", "0", "--json"))
    assert (status["table"]["rows"], status["raw_objects"]) == (2, 1)
    assert list(status["set_aside"]) == [f"events/{HOUR}/2.csv"]
    assert "set aside: events/" in sluice("compact", lake.root, "--status", "--settle", "0")
    assert status["last_pass"]["rows_in"] == 3


def test_status_before_anything(lake):
    assert "there is none yet" in sluice("compact", lake.root, "--status")
    assert not list(lake.root.rglob("*.json"))


def test_young_objects_wait(lake):
    lake.put(f"{HOUR}/1.csv", events(1))
    assert "1 object left alone for now" in sluice("compact", lake.root)
    assert lake.raw() == [f"{HOUR}/1.csv"]


def test_read_shows_the_table(lake):
    lake.put(f"{HOUR}/1.csv", events(1, 2, 3))
    lake.compact()
    told = sluice("read", lake.root, "--lake", "--limit", "2", "--columns", "event_id,hour")
    assert "2 rows of" in told
    assert "title" not in told
    sluice("read", lake.root / "events", "--lake", "-o", lake.root / "out.csv")
    assert (lake.root / "out.csv").read_text().count("\n") == 4
    assert "no column 'nope'" in sluice("read", lake.root, "--lake", "--columns", "nope", code=1)


def test_verify_counts_raw_and_table(lake):
    given(lake, 1, 2, 3, 4)
    lake.put(f"{HOUR}/1.csv", events(1, 2))
    lake.compact()
    lake.put(f"{HOUR}/2.csv", events(2, 3, 4))
    found = verify(lake)
    assert (found["lost"], found["awaiting"], found["table_rows"], found["rows"]) == (0, 1, 2, 3)
    assert (found["duplicates"], found["stored"]) == (0, 4)
    assert found["table"]["files"] == 1
    told = sluice("verify", lake.root / "events", "--source-ids", lake.root / "source.ids")
    assert "in the table" in told
    assert "nothing is lost" in told


def test_events_as_they_came_are_counted_and_read(lake):
    given(lake, "a", "b", "c")
    lines = [b'{"meta": {"id": "%s"}, "n": 1.10}' % name for name in (b"a", b"b", b"c")]
    lake.put_events(f"{HOUR}/1.jsonl", lines[:2])
    lake.compact()
    lake.put_events(f"{HOUR}/2.jsonl", lines[1:])
    found = verify(lake)
    assert (found["lost"], found["awaiting"], found["table_rows"]) == (0, 1, 2)
    told = sluice("compact", lake.root, "--settle", "0")
    assert told.startswith("1 new row in table")
    assert (verify(lake)["lost"], verify(lake)["table_rows"]) == (0, 3)
    sluice("read", lake.root, "--lake", "--columns", "event_id,event", "-o", lake.root / "o.jsonl")
    rows = [json.loads(row) for row in (lake.root / "o.jsonl").read_bytes().splitlines()]
    texts = {row["event_id"]: row["event"].encode() for row in rows}
    assert texts == dict(zip("abc", lines, strict=True))


def test_verify_finds_what_is_in_neither(lake):
    given(lake, 1, 2, 3)
    lake.put(f"{HOUR}/1.csv", events(1))
    lake.compact()
    lake.put(f"{HOUR}/2.csv", events(3))
    found = verify(lake, code=1)
    assert (found["lost"], found["samples"]["lost"]) == (1, ["2"])
    assert verify(lake, "--no-lake", code=1)["lost"] == 2


def test_an_event_that_the_source_gave_twice_is_wanted_once_in_the_table(lake):
    given(lake, 1, 1, 2)
    lake.put(f"{HOUR}/1.csv", events(1, 2))
    assert verify(lake, code=1)["lost"] == 1
    lake.compact()
    found = verify(lake, code=2)  # nobody tells whether the two events under one id are the same
    assert (found["lost"], found["duplicates"]) == (0, 0)


def test_a_duplicate_in_the_table_is_a_failure_also_across_days(lake):
    given(lake, 1, 2)
    lake.put(f"{HOUR}/1.csv", events(1, 2))
    lake.put("dt=2026-11-24/hour=00/1.csv", events(2))
    lake.compact()
    found = verify(lake, code=1)
    assert (found["table_duplicates"], found["samples"]["table_duplicates"]) == (1, ["2"])
    told = sluice("verify", lake.root / "events", "--source-ids", lake.root / "source.ids", code=1)
    assert "the table has 1 row of events that it holds already" in told


def test_an_object_that_moves_into_the_table_while_it_is_verified_is_not_damaged(lake, monkeypatch):
    given(lake, 1, 2)
    lake.put(f"{HOUR}/1.csv", events(1))
    lake.compact()
    lake.put(f"{HOUR}/2.csv", events(2))

    inner = objects._scan

    def late(*given, **options):
        lake.compact()
        return inner(*given, **options)

    monkeypatch.setattr(objects, "_scan", late)
    found = verify(lake)
    assert (found["lost"], found["table_rows"], found["unreadable_objects"]) == (0, 2, {})


def test_forget_is_a_dry_run_until_it_is_told(lake):
    lake.put(f"{HOUR}/1.csv", events(1, 2))
    lake.compact()
    where = ["lake", "forget", lake.root, "--where", "event_id = '1'"]
    assert "1 row of 1 data file would be forgotten" in sluice(*where)
    assert lake.ids() == ["1", "2"]
    assert "forgotten for good" in sluice(*where, "--yes", "--purge")
    assert lake.ids() == ["2"]
    assert "--where 'nonsense'" in sluice(
        "lake", "forget", lake.root, "--where", "nonsense", code=2
    )


def test_without_the_lakes_libraries_it_says_what_to_install(lake, monkeypatch):
    lake.put(f"{HOUR}/1.csv", events(1))
    given(lake, 1)
    monkeypatch.setattr(installed, "is_installed", lambda: False)
    for command in (["compact", lake.root], ["lake", "forget", lake.root, "--where", "x = 1"]):
        assert "pip install sluice-compactor" in sluice(*command, code=2)
    assert verify(lake)["table"] is None
    lake.compact()
    told = sluice("verify", lake.root / "events", "--no-dlq", code=2)
    assert "pip install sluice-compactor" in told
