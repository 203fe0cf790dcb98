"""The end of a run as the page tells it."""

import json
from pathlib import Path

import pytest
from sluice_cli.verify.verdict import Messages
from sluice_local.page.ending import account, failure, final_counts, with_table
from sluice_local.run.account import account_of
from sluice_local.run.table import Table


def verdict(path, *rows, ids=True, dropped=0):
    """On a lake with these rows, of a source that gave a and b."""
    name = "event_id" if ids else "title"
    path.mkdir(exist_ok=True)
    (path / "batch-1.csv").write_text(f"n,{name}\n" + "".join(f"1,{row}\n" for row in rows))
    ledger = path.parent / "ledger"
    ledger.write_text("".join(json.dumps({"id": n, "state": "sent"}) + "\n" for n in "ab"))
    return account_of(ledger, None, path, Messages(), dropped)


def test_the_account_tells_a_loss(tmp_path):
    found = account(verdict(tmp_path / "events", "a", "b"), 1.0)
    assert (found["ok"], found["lost"], found["verdict"]) == (True, 0, "nothing is lost")
    found = account(verdict(tmp_path / "events", "a"), 1.0)
    assert (found["ok"], found["lost"], found["verdict"]) == (False, 1, "1 lost")


def test_columns_without_ids_have_no_number_of_lost_events(tmp_path):
    found = account(verdict(tmp_path / "events", "x", "y", ids=False), 1.0)
    assert (found["ok"], found["lost"], found["verdict"]) == (True, None, "the numbers agree")
    assert "lost" not in [line["name"] for line in found["lines"]]


def test_what_is_not_counted_says_why(tmp_path):
    found = account(verdict(tmp_path / "events", "a", "b"), 1.0)
    assert found["lost_note"] == "counted from the files"
    found = account(verdict(tmp_path / "events", "x", "y", ids=False), 1.0)
    assert found["lost_note"] == "not counted by id"
    found = failure("no")
    assert (found["lost"], found["lost_note"]) == (
        None,
        "not counted: the run failed before its account",
    )


def test_the_files_say_what_the_services_have_told_too_early(tmp_path):
    found = final_counts(verdict(tmp_path / "events", "a", "b", "c", dropped=4))
    assert (found["rows"], found["objects"], found["dropped"]) == (3, 1, 4)
    assert found["object_bytes"] == (tmp_path / "events" / "batch-1.csv").stat().st_size


@pytest.mark.parametrize(
    ("made", "ok", "said", "rows"),
    [
        (Table(3, 3, 1, 10, "x"), True, "each event exactly once", 3),
        (Table(3, 2, 1, 10, "x"), False, "the table has 1 row twice", 3),
        (Table(0, 0, 0, 0, "", failure="no <b>"), False, "the table could not be made", None),
        (Table(0, 0, 0, 0, "", set_aside=1), True, "no table: its rows need an event_id", None),
        (Table(0, 0, 0, 0, "", left_out=True), True, "left out by Ctrl-C", None),
    ],
)
def test_what_came_of_the_table(tmp_path, made, ok, said, rows):
    before = account(verdict(tmp_path / "events", "a", "b"), 1.0)
    found = with_table(before, made, Path("data"))
    assert found["ok"] is ok
    assert said in "\n".join([found["verdict"], *found["said"]])
    assert (found["verdict"] == "nothing is lost") is ok
    assert {line["name"]: line["count"] for line in found["lines"]}.get("rows of the table") == rows
    assert found["lines"][: len(before["lines"])] == before["lines"]
    assert found["lost"] == 0
    assert before["ok"], "what was said before is not changed"


def test_a_failure_keeps_the_account(tmp_path):
    before = account(verdict(tmp_path / "events", "a", "b"), 1.0)
    found = failure("no room\n\x1b[31m", before)
    assert (found["ok"], found["verdict"], found["lost"]) == (False, "the run failed", 0)
    assert found["lines"] == before["lines"]
    assert found["said"] == [*before["said"], "no room\n\\u001b[31m"]
