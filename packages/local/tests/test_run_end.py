"""What `sluice run` does when the pipeline has ended: the account, the table, and what page and terminal say of them."""

import json
from types import SimpleNamespace
from typing import ClassVar

import pytest
from sluice_cli.main import app
from sluice_cli.verify.verdict import Messages
from sluice_core.keys import COLUMN_TYPES_METADATA
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeS3
from sluice_local.commands import run as command
from sluice_local.page import Page
from sluice_local.run import lake_copy
from sluice_local.run.children import ForcedError
from sluice_local.run.scrape import Snapshot
from sluice_local.run.view import LineView
from typer.testing import CliRunner

KEY = "events/dt=2026-11-23/hour=14/batch-1.csv"


class Ended:
    """A pipeline that has read a, b and c, and written `rows`."""

    built_in, dropped, seconds = False, 0, 2.5
    rows = "abc"
    error = None
    stop = None

    def __init__(self, options, console, stop, _prefix, page):
        Ended.stop = stop
        self._data, self._page, self._view = options.data, page, LineView(console)
        self.dead_letters = Messages()

    def execute(self):
        with self._page.beside(self._view, "a source") as view:
            view.show(Snapshot(received=2, rows=1), 2.0, "emptying the queue")
        if self.error is not None:
            raise self.error
        self._data.mkdir()
        bucket = FakeS3()
        lines = "".join(f"1,{name}\n" for name in self.rows)
        bucket.put(KEY, f"n,event_id\n{lines}".encode(), metadata={COLUMN_TYPES_METADATA: "is"})
        lake_copy.copy_objects(bucket, self._data)
        ledger = [json.dumps({"id": name, "state": "sent"}) + "\n" for name in "abc"]
        (self._data / lake_copy.INTERNAL / "ledger.ndjson").write_text("".join(ledger))
        self.stop.request()


class Kept(Page):
    """A page whose states are kept."""

    states: ClassVar = []

    def __init__(self, port=0):
        super().__init__(port)
        write = self._board.write

        def keep(state, *, last=False):
            self.states.append(json.loads(json.dumps(state)))
            write(state, last=last)

        self._board.write = keep


@pytest.fixture
def ended(tmp_path, monkeypatch):
    for name in ("LocalRun", "Page"):
        monkeypatch.setattr(command, name, {"LocalRun": Ended, "Page": Kept}[name])
    monkeypatch.setattr(command, "check_options", lambda _: None)
    monkeypatch.setattr(Stop, "install_signal_handlers", lambda _: None)

    def run(*options, rows="abc", error=None):
        monkeypatch.setattr(Ended, "rows", rows)
        monkeypatch.setattr(Ended, "error", error)
        Kept.states = []
        done = CliRunner().invoke(app, ["run", "--data", str(tmp_path / "data"), *options])
        return SimpleNamespace(
            code=done.exit_code,
            output=done.output,
            states=Kept.states,
            last=Kept.states[-1] if Kept.states else None,
            data=tmp_path / "data",
        )

    return run


def lines(over):
    return {line["name"]: line["count"] for line in over["lines"]}


def test_the_page_has_the_account_before_the_table_is_made_and_the_table_after(ended):
    found = ended()
    assert found.code == 0, found.output
    phases = list(dict.fromkeys(state["phase"] for state in found.states))
    assert phases[-3:] == ["accounting", "making the table", "done"]
    (first, *_) = [state for state in found.states if state["phase"] == "making the table"]
    assert first["over"]["verdict"] == "nothing is lost"
    assert "rows of the table" not in lines(first["over"])
    assert (first["ended"], first["kind"]) == (False, "busy")
    assert (found.last["ended"], found.last["kind"]) == (True, "good")
    assert found.last["over"]["verdict"] == "nothing is lost"
    assert lines(found.last["over"])["rows of the table"] == 3
    assert any("each event exactly once" in line for line in found.last["over"]["said"])


def test_the_numbers_of_the_end_are_the_accounts(ended):
    counts = ended().last["counts"]
    size = len(b"n,event_id\n1,a\n1,b\n1,c\n")
    assert (counts["received"], counts["rows"], counts["objects"]) == (3, 3, 1)
    assert (counts["object_bytes"], counts["dropped"], counts["on_the_way"]) == (size, 0, 0)


def test_a_table_that_fails_is_the_verdict_and_the_account_stays(ended, monkeypatch):
    copied = lake_copy.copy_objects

    def damaged(bucket, data):
        copied(bucket, data)
        (data / lake_copy.METADATA).write_text("{")

    monkeypatch.setattr(lake_copy, "copy_objects", damaged)
    found = ended()
    assert found.code == 1
    over = found.last["over"]
    assert (over["ok"], over["verdict"], over["lost"]) == (
        False,
        "the table could not be made",
        0,
    )
    assert lines(over)["lost"] == 0
    assert any("the table could not be made: " in line for line in over["said"])
    assert found.last["kind"] == "bad"


def test_a_disk_that_is_full_ends_the_run_and_the_account_stays(ended, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "lake/x.parquet")

    monkeypatch.setattr(command, "make_table", full)
    found = ended()
    assert found.code == 1
    assert "sluice run: lake/x.parquet: No space left on device" in found.output
    over = found.last["over"]
    assert (over["ok"], over["verdict"], over["lost"]) == (False, "the run failed", 0)
    assert lines(over)["rows out"] == 3
    assert over["said"][-1] == "lake/x.parquet: No space left on device"
    assert (found.last["phase"], found.last["kind"]) == ("failed", "bad")


def test_a_loss_is_told_at_once_and_makes_no_table(ended):
    found = ended(rows="ab")
    assert found.code == 1
    assert found.last["over"]["verdict"] == "1 lost"
    assert found.last["kind"] == "bad"
    assert "making the table" not in {state["phase"] for state in found.states}
    assert "making a table" not in found.output


def test_a_run_that_was_stopped_at_once_says_that_there_is_no_account(ended):
    error = ForcedError("stopped at once: there is no account")
    found = ended(error=error)
    assert found.code == 1
    assert "there is no account" in found.output
    over = found.last["over"]
    assert (over["lost"], over["lost_note"]) == (
        None,
        "not counted: the run failed before its account",
    )


def test_ctrl_c_while_the_table_is_made_leaves_it_out_and_nothing_else(ended, monkeypatch):
    def impatient(*arguments):
        Ended.stop.force()
        return make(*arguments)

    make = command.make_table
    monkeypatch.setattr(command, "make_table", impatient)
    found = ended()
    assert found.code == 0, found.output
    assert "counting the events in the files; Ctrl-C leaves the table out\n" in found.output
    assert "making a table of them; Ctrl-C leaves it out\n" in found.output
    assert "no table: it was left out by Ctrl-C" in found.output
    assert "read_batches(" in found.output
    assert (found.data / KEY).exists()
    over = found.last["over"]
    assert (over["ok"], over["verdict"], lines(over)["lost"]) == (True, "nothing is lost", 0)
    assert any("left out by Ctrl-C" in line for line in over["said"])


def test_without_a_page_there_is_a_table_all_the_same(ended):
    found = ended("--no-page")
    assert found.code == 0, found.output
    assert "as an Iceberg table: 3 rows" in found.output
    assert found.states == []


def test_no_table_is_none(ended):
    found = ended("--no-table")
    assert found.code == 0, found.output
    assert "a table" not in found.output
    assert "counting the events in the files\n" in found.output
    assert found.last["over"]["verdict"] == "nothing is lost"


def test_without_the_lakes_libraries_there_is_nothing_to_say_of_a_table(ended, monkeypatch):
    monkeypatch.setattr(command, "is_installed", lambda: False)
    found = ended()
    assert found.code == 0
    assert "a table" not in found.output
    assert "no table" not in found.output
