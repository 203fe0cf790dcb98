"""What a run shows on the terminal."""

import io

from rich.console import Console
from sluice_core.aws.s3 import Stored
from sluice_local.run import phases
from sluice_local.run.scrape import Snapshot
from sluice_local.run.view import LineView, PanelView, facts


def test_a_line_every_five_seconds():
    console = Console(file=io.StringIO(), width=140)
    view = LineView(console)
    for tenth in range(150):
        view.show(Snapshot(received=tenth, depth=3, lag=0.4), tenth / 10, "running")
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 2
    assert "queue 3" in lines[0]
    assert "lag 0.4 s" in lines[0]


def test_the_panel_draws_in_a_terminal():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with PanelView(console, "built-in source") as view:
        view.say("a line that stays")
        newest = (Stored("events/x.csv", 5, ""),)
        view.show(Snapshot(received=1234, rate=99.6, newest_objects=newest), 61, "running")
    text = console.file.getvalue()
    assert "1,234 (100/s)" in text
    assert "1:01 · running" in text
    assert "a line that stays" in text


def test_the_terminal_says_that_the_source_is_gone_and_what_was_left_out():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    now = Snapshot(received=9, rows=5, dropped=4, connected=False)
    with PanelView(console, "a source") as view:
        view.show(now, 61, phases.phase_of(now))
    text = console.file.getvalue()
    assert "1:01 · no connection to the source" in text
    console = Console(file=io.StringIO(), width=140)
    LineView(console).show(now, 61, phases.phase_of(now))
    (line,) = console.file.getvalue().splitlines()
    assert line.endswith("· no connection to the source")
    assert "rows 5, left out 4 ·" in line
    assert "lag –" in line


def test_what_is_not_known_is_not_zero():
    told = dict(facts(Snapshot()))
    assert told["queue"] == "does not answer"
    assert told["lag"] == "–"
    assert told["newest"] == "–"
