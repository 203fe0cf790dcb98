"""The parts of `sluice run` that need no LocalStack."""

import io
import json
import os
import subprocess
import threading
import time

import pytest
from rich.console import Console
from sluice_cli.main import app
from sluice_cli.verify.verdict import Messages
from sluice_core import wire
from sluice_core.deadletter import DeadLetter
from sluice_core.testing import Answer, FakeClock, FakeS3, FakeSqs, SseServer
from sluice_local.ports import free_port
from sluice_local.run import account as run_account
from sluice_local.run import lake_copy, source, summary
from sluice_local.run.options import RunOptions, user_agent
from sluice_local.run.source import unreachable
from typer.testing import CliRunner


def options(tmp_path, **changed):
    given = {
        "source": "built-in", "format": None, "columns": None, "rows": None, "rate": 40.0,
        "events": None, "duration": None, "seed": 0, "data": tmp_path,
    }  # fmt: skip
    return RunOptions(**(given | changed))


def write_lines(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def sent(*ids, state="sent"):
    return [{"id": name, "state": state} for name in ids]


def offered(*ids, canaries=()):
    return [
        {"id": name, "n": n, "state": "canary" if name in canaries else "offered"}
        for n, name in enumerate(ids)
    ]


def lake_of(path, *ids):
    part = path / "events" / "dt=2026-11-23" / "batch-1.csv"
    part.parent.mkdir(parents=True)
    part.write_text("id,event_id\n" + "".join(f"1,{name}\n" for name in ids))
    return path / "events"


def dead_letters(*messages):
    found = Messages()
    queue = FakeSqs(FakeClock())
    for message in messages:
        queue.put_message(message)
    for received in lake_copy.take_messages(queue):
        found.add(received, None)
    return found


def test_the_account_of_a_clean_run(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a", "b") + sent("c", state="filtered"))
    given = write_lines(tmp_path / "source", offered("a", "b", "c", canaries="c"))
    verdict = run_account.account_of(ledger, given, lake_of(tmp_path, "a", "b"), dead_letters())
    account = verdict.account
    assert (account.source, account.filtered, account.rows) == (3, 1, 2)
    assert (account.lost, account.duplicates, account.dead_lettered) == (0, 0, 0)
    assert verdict.ok


def test_an_event_that_no_file_has_is_lost(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a", "b"))
    verdict = run_account.account_of(ledger, None, lake_of(tmp_path, "a"), dead_letters())
    assert verdict.account.lost == 1
    assert list(verdict.account.samples["lost"]) == ["b"]
    assert not verdict.ok


def test_an_event_that_the_producer_never_saw_is_lost_too(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a", "c"))
    given = write_lines(tmp_path / "source", offered("a", "b", "c", "d"))
    verdict = run_account.account_of(ledger, given, lake_of(tmp_path, "a", "c"), dead_letters())
    # and not d, which was still in the network
    assert list(verdict.account.samples["lost"]) == ["b"]


def test_a_duplicate_dropped_by_the_producer_must_arrive_once(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a") + sent("a", state="filtered"))
    assert (
        run_account.account_of(ledger, None, tmp_path / "nothing", dead_letters()).account.lost == 1
    )


def test_a_dead_letter_is_no_loss_and_one_that_is_not_there_is(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a", "b") + sent("c", "d", state="dead"))
    found = dead_letters(
        *(
            DeadLetter(json.dumps({"meta": {"id": name}}), "bad-event", "").to_message()
            for name in "bc"
        )
    )
    account = run_account.account_of(ledger, None, lake_of(tmp_path, "a"), found).account
    assert account.dead_lettered == 2
    assert list(account.samples["lost"]) == ["d"]


def test_a_whole_pack_among_the_dead_letters_is_no_loss(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a", "b", "c"))
    events = [json.dumps({"meta": {"id": name}}).encode() for name in "bc"]
    pack = wire.encode_pack(events, source="x", ids=["b", "c"])
    found = dead_letters(pack)
    account = run_account.account_of(ledger, None, lake_of(tmp_path, "a"), found).account
    assert (account.lost, account.dead_lettered) == (0, 2)


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a"))
    with ledger.open("a") as file:
        file.write('{"id":"b","st')
    verdict = run_account.account_of(ledger, None, lake_of(tmp_path, "a"), dead_letters())
    assert (verdict.account.source, verdict.account.lost, verdict.torn) == (1, 0, 1)


def test_numeric_ids_stay_text(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("07", "8"))
    lake = lake_of(tmp_path, "07", "8")
    assert run_account.account_of(ledger, None, lake, dead_letters()).account.lost == 0


def test_a_run_that_never_started_has_lost_nothing(tmp_path):
    verdict = run_account.account_of(
        tmp_path / "no", tmp_path / "none", tmp_path / "nothing", dead_letters()
    )
    assert (verdict.account.source, verdict.account.lost, verdict.ok) == (0, 0, True)


@pytest.mark.parametrize(
    ("rows", "dropped", "code", "says"),
    [
        (2, 0, 0, "✓ the numbers agree"),
        (1, 1, 0, "1 rows were left out by the transform"),
        (1, 0, 1, "✗ 1 events are in no file and no dead letter: lost"),
        (3, 0, 2, "✗ 1 more than there should be"),
    ],
)
def test_columns_without_ids_are_compared_by_number(tmp_path, rows, dropped, code, says):
    lake = lake_of(tmp_path)
    (part,) = lake.rglob("*.csv")
    part.write_text("id,title\n" + "1,x\n" * rows)
    ledger = write_lines(tmp_path / "ledger", sent("a", "b") + sent("c", state="dead"))
    found = dead_letters(DeadLetter("no json", "not-json", "").to_message())
    verdict = run_account.account_of(ledger, None, lake, found, dropped)
    console = Console(file=io.StringIO(), width=140)
    summary.show(console, verdict, lake, 2.5)
    text = console.file.getvalue()
    assert says in text
    assert f"{rows} rows of 3 events" in text
    assert "1 events are dead letters" in text
    assert "events by reason: not-json 1" in text
    assert summary.exit_code(verdict) == code


def test_options_that_a_service_refuses_touch_nothing(tmp_path, monkeypatch):
    lake = lake_of(tmp_path, "a")
    for name in [n for n in os.environ if n.startswith(("SLUICE_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("sluice_local.run.pipeline.EmbeddedLocalStack.start", pytest.fail)
    for wrong in (["--source", "nowhere"], ["--columns", "no-such.yaml"]):
        done = CliRunner().invoke(app, ["run", "--data", str(tmp_path), *wrong])
        assert done.exit_code == 2, done.output
        assert len(done.output.splitlines()) == 1
        assert "SLUICE_" in done.output
    assert (lake / "dt=2026-11-23" / "batch-1.csv").exists()
    assert not (tmp_path / "earlier").exists()


def test_the_summary_shows_numbers_rows_and_how_to_read_them(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a", "[bold]b", "gone"))
    lake = lake_of(tmp_path, "a", "[bold]b")
    console = Console(file=io.StringIO(), width=140)
    summary.show(console, run_account.account_of(ledger, None, lake, dead_letters()), lake, 2.5)
    text = console.file.getvalue()
    assert "lost: gone" in text
    assert "[bold]b" in text
    assert "read_batches(" in text
    assert str(lake) in text


def test_the_summary_names_a_damaged_file(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a"))
    lake = lake_of(tmp_path, "a")
    (lake / "dt=2026-11-23" / "batch-2.parquet").write_bytes(b"cut off")
    verdict = run_account.account_of(ledger, None, lake, dead_letters())
    console = Console(file=io.StringIO(), width=140)
    summary.show(console, verdict, lake, 2.5)
    assert not verdict.ok
    assert "batch-2.parquet: " in console.file.getvalue()


def test_the_summary_says_what_to_do_when_the_columns_are_another_sources(tmp_path):
    ledger = write_lines(tmp_path / "ledger", sent("a", "b", state="dead"))
    stranger = DeadLetter('{"meta":{"id":"a"},"price":1}', "no-column", "").to_message()
    console = Console(file=io.StringIO(), width=140)
    verdict = run_account.account_of(ledger, None, lake_of(tmp_path), dead_letters(stranger))
    summary.show(console, verdict, tmp_path / "events", 2.5)
    assert "no column found anything in 1 event: " in console.file.getvalue()
    assert "--columns" in console.file.getvalue()


def test_the_summary_shows_rows_with_missing_values(tmp_path):
    part = tmp_path / "events" / "batch-1.csv"
    part.parent.mkdir()
    part.write_text("id,bot,event_id\n1,,a\n,true,b\n")
    console = Console(file=io.StringIO(), width=140)
    console.print(summary.first_rows(tmp_path / "events"))
    cells = [line.split("│") for line in console.file.getvalue().splitlines() if "│" in line]
    assert [[cell.strip() for cell in row] for row in cells] == [["1", "", "a"], ["", "True", "b"]]


def test_what_the_machine_refuses_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(
        app, ["run", "--source", "built-in", "--data", str(tmp_path / "file")]
    )
    assert done.exit_code in (1, 2)
    assert "Errno" not in done.output
    assert str(tmp_path / "file") in done.output


def test_the_line_to_read_them_yourself_works(tmp_path):
    lake = lake_of(tmp_path, "a", "b")
    done = subprocess.run(
        summary.reading_line(lake),
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "event_id" in done.stdout


def test_a_summary_without_rows(tmp_path):
    assert summary.first_rows(tmp_path / "nothing") is None


def test_an_earlier_lake_is_moved_and_nothing_else(tmp_path):
    lake_of(tmp_path, "a")
    (tmp_path / "mine.txt").write_text("mine")
    first = lake_copy.prepare(tmp_path, "events")
    assert (first / "events" / "dt=2026-11-23" / "batch-1.csv").exists()
    assert not (tmp_path / "events").exists()
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / lake_copy.INTERNAL).is_dir()


def test_two_earlier_lakes_stand_side_by_side(tmp_path):
    moved = []
    for _ in range(3):
        lake = lake_of(tmp_path, "a")
        os.utime(lake, (1_800_000_000, 1_800_000_000))
        (tmp_path / lake_copy.INTERNAL).mkdir(exist_ok=True)
        os.utime(tmp_path / lake_copy.INTERNAL, (1_800_000_000, 1_800_000_000))
        moved.append(lake_copy.prepare(tmp_path, "events"))
    assert len(set(moved)) == 3


def test_objects_are_copied_whole_and_checkpoints_are_not(tmp_path):
    bucket = FakeS3()
    bucket.put("events/dt=1/batch-1.csv", b"rows")
    bucket.put("_sluice/dead/1", b"large")
    bucket.put("_sluice/checkpoint/x.json", b"{}")
    bucket.put("../../escape", b"no")
    assert lake_copy.copy_objects(bucket, tmp_path / "data") == 2
    files = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    told = "data/_sluice/metadata.json"
    assert files == {"data/events/dt=1/batch-1.csv", "data/_sluice/dead/1", told}


def test_dead_letters_are_taken_and_written(tmp_path):
    queue = FakeSqs(FakeClock())
    dead_letters = [DeadLetter(f"body {n}", "not-json", "why", position=n) for n in range(23)]
    for dead_letter in dead_letters:
        queue.put_message(dead_letter.to_message())
    taken = list(lake_copy.take_messages(queue))
    assert len(taken) == 23
    assert queue.attributes().depth == 0
    (tmp_path / lake_copy.INTERNAL).mkdir()
    path = lake_copy.write_dead_letters(taken, tmp_path)
    assert {json.loads(line)["body"] for line in path.read_text().splitlines()} == {
        dead_letter.body for dead_letter in dead_letters
    }


def test_options_become_the_services_settings(tmp_path):
    given = options(tmp_path, format="parquet", columns="recentchange", rows=7)
    settings = given.batcher_environ()
    assert settings["SLUICE_FORMAT"] == "parquet"
    assert settings["SLUICE_COLUMNS"] == "recentchange"
    assert settings["SLUICE_BATCH_MAX_ROWS"] == "7"
    assert "SLUICE_FORMAT" not in options(tmp_path).batcher_environ()


def test_a_url_is_read_as_it_is_and_counts_its_events(tmp_path):
    given = options(tmp_path, source="http://127.0.0.1:9/x", events=12)
    chosen = source.choose(given, pytest.fail).result(5)
    environ = chosen.environ(given)
    assert not chosen.built_in
    assert environ["SLUICE_SOURCE_URL"] == "http://127.0.0.1:9/x"
    assert environ["SLUICE_MAX_EVENTS"] == "12"
    assert "SLUICE_SOURCE_PRESET" not in environ


def test_wikimedia_out_of_reach_falls_back_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "WIKIMEDIA", f"http://127.0.0.1:{free_port()}/x")
    said = []
    chosen = source.choose(options(tmp_path, source=None), said.append).result(10)
    assert chosen.built_in
    assert said == [
        "Wikimedia's stream cannot be reached (no connection): reading the built-in source instead"
    ]


def test_the_user_agent_is_the_users_or_names_who_runs_it():
    assert user_agent({"SLUICE_USER_AGENT": "mine/1 (me@example.org)"}) == "mine/1 (me@example.org)"
    own = user_agent({})
    assert own.startswith("sluice/")
    assert "@" in own
    assert own.isascii()


@pytest.fixture
def answering():
    servers = []

    def make(status=200, kind="text/event-stream", wait=None):
        def answer(_request):
            if wait is not None:
                wait.wait(10)
            return Answer(status=status, content_type=kind)

        servers.append(SseServer(answer))
        return servers[-1].url

    yield make
    for server in servers:
        server.close()


def test_the_probe(answering):
    assert unreachable(answering(), "a@b") is None
    assert unreachable(answering(status=403), "a@b") == "HTTP 403"
    assert "text/html" in unreachable(answering(kind="text/html"), "a@b")
    assert unreachable(f"http://127.0.0.1:{free_port()}/", "a@b") == "no connection"


def test_the_probe_does_not_wait_for_ever(answering):
    wait = threading.Event()
    began = time.monotonic()
    assert unreachable(answering(wait=wait), "a@b", 0.3) is not None
    assert time.monotonic() - began < 3
    wait.set()
