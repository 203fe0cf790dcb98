"""The end of a run as the page takes it: the account, what came of the table, or why there is neither.

What is said of one may be worse than what was said before: the verdict is then the worse one, and the lines stay.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluice_cli.output import counted
from sluice_cli.verify.report import notes
from sluice_cli.verify.verdict import Verdict
from sluice_core.settings.quantities import format_bytes

from sluice_local.page.text import shown
from sluice_local.run import summary
from sluice_local.run.account import Counts
from sluice_local.run.table import Table


def account(verdict: Verdict, seconds: float) -> dict[str, Any]:
    """The verdict at the end. `lost` is None where the account cannot count, and `lost_note` says why."""
    found, uncounted = verdict.account, bool(verdict.objects.uncounted)
    code = summary.exit_code(verdict)
    lines = [
        _line("events in", found.source, f"in {seconds:.1f} s, start and drain included"),
        _line("filtered", found.filtered, "no data, such as canaries"),
        _line("rows out", verdict.objects.rows, "read back from the files"),
    ]
    if uncounted:
        said = list(Counts.of(verdict).lines())
    else:
        lines += [
            _line("dead-lettered", found.dead_lettered),
            _line("lost", found.lost, "in no file and no dead letter"),
            _line("duplicates", found.duplicates),
        ]
        said = []
    said += [*notes(verdict, doubts=not uncounted), *summary.advice(verdict)]
    return {
        "ok": code == 0,
        "verdict": _verdict(verdict, code),
        "lost": None if uncounted else found.lost,
        "lost_note": "not counted by id" if uncounted else "counted from the files",
        "lines": lines,
        "said": [shown(line, 600) for line in said],
    }


def final_counts(verdict: Verdict) -> dict[str, int]:
    """What of the counts the account knows better: the services were gone before their last numbers were read."""
    account, objects, letters = verdict.account, verdict.objects, verdict.dead_letters
    dead = 0 if letters is None else len(letters.events) + letters.unreadable
    return {
        "received": account.source or 0,
        "filtered": account.filtered,
        "rows": objects.rows,
        "dropped": objects.dropped,
        "objects": objects.count,
        "object_bytes": objects.size,
        "dead_letters": dead,
        "on_the_way": 0,
        "depth": 0,
    }


def with_table(over: Mapping[str, Any], made: Table, data: Path) -> dict[str, Any]:
    """The account, and what came of the table."""
    found = dict(over)
    if made.rows:
        where = f"in {counted(made.files, 'file')}, {format_bytes(made.size)}"
        found["lines"] = [*over["lines"], _line("rows of the table", made.rows, where)]
    found["said"] = [*over["said"], *(shown(line, 600) for line in made.account(data))]
    if made.fault is not None:
        found |= {"ok": False, "verdict": made.fault}
    return found


def failure(why: str, over: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The end of a run that failed, before or after its account."""
    if over is None:
        note = "not counted: the run failed before its account"
        over = {"lost": None, "lost_note": note, "lines": [], "said": []}
    said = [*over["said"], _bounded(why)]
    return {**over, "ok": False, "verdict": "the run failed", "said": said}


def _line(name: str, count: int | None, note: str = "") -> dict[str, Any]:
    return {"name": name, "count": count, "note": note}


def _verdict(verdict: Verdict, code: int) -> str:
    if code == 0:
        return "the numbers agree" if verdict.objects.uncounted else "nothing is lost"
    if verdict.account.lost and not verdict.objects.uncounted:
        return f"{verdict.account.lost:,} lost"
    return "the account does not add up" if code == 1 else "this account is not certain"


def _bounded(why: str) -> str:
    return "\n".join(shown(line, 400) for line in why.splitlines()[:20])
