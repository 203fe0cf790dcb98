"""What a run prints at its end."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from sluice_cli.output import counted
from sluice_cli.verify.report import notes
from sluice_cli.verify.verdict import Verdict
from sluice_core import reasons
from sluice_core.errors import PermanentError, os_reason
from sluice_core.lake.account import Account
from sluice_core.lake.reader import parts, read_batches
from sluice_core.settings.quantities import format_bytes

from sluice_local.run.account import Counts

_ROWS = 6
_COLUMNS = 9
_NARROW = 11
_WIDEST = 30


def numbers(account: Account, lake: Path, seconds: float) -> Table:
    """Events in, rows out, and the difference explained."""
    files = list(parts(lake)) if lake.exists() else []
    size = sum(part.size for part in files)
    events = account.source or 0
    wanted = events - account.filtered
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("events in", f"{events:,}", f"in {seconds:.1f} s, start and drain included")
    table.add_row("filtered", f"{account.filtered:,}", "canaries")
    table.add_row("rows out", f"{account.rows:,}", f"of {wanted:,}, read back from the files")
    table.add_row("dead-lettered", f"{account.dead_lettered:,}", "")
    table.add_row("lost", f"{account.lost or 0:,}", "ids in that are in no file and no dead letter")
    table.add_row("duplicates", f"{account.duplicates:,}", "")
    table.add_row("bytes", f"{size:,}", f"{format_bytes(size)} in {counted(len(files), 'object')}")
    return table


def first_rows(lake: Path) -> Table | None:
    """The first rows, read from the files as a DataFrame; None when there are none."""
    try:
        frame = read_batches(lake, limit=_ROWS) if lake.exists() else None
    except PermanentError:
        return None
    if frame is None or frame.empty:
        return None
    table = Table(title=f"first rows of {lake}", title_justify="left", show_edge=False)
    for name in list(frame.columns)[:_COLUMNS]:
        cells = [len(_cell(value)) for value in frame[name]]
        narrow = max(cells) <= _NARROW
        table.add_column(
            str(name),
            no_wrap=True,
            overflow="ellipsis",
            min_width=max(cells) if narrow else None,
            max_width=_WIDEST,
        )
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row[:_COLUMNS]))
    return table


def reading_line(lake: Path) -> str:
    """A command that reads the lake, with the interpreter that certainly can."""
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    code = f"from sluice_core import read_batches; print(read_batches({str(lake)!r}))"
    return f'{python} -c "{code}"'


def show(console: Console, verdict: Verdict, lake: Path, seconds: float) -> None:
    """Prints all of it."""
    account = verdict.account
    console.print()
    if verdict.objects.uncounted:
        for line in Counts.of(verdict).lines():
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(numbers(account, lake, seconds))
    rows = first_rows(lake)
    if rows is not None:
        console.print()
        console.print(rows)
    for kind in ("lost", "unexpected"):
        if ids := account.samples.get(kind):
            console.print(f"{kind}: {', '.join(ids)} …", markup=False, highlight=False)
    for line in notes(verdict, doubts=not verdict.objects.uncounted):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for line in advice(verdict):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print("\nread them yourself:", highlight=False)
    console.print(f"  {reading_line(lake)}", soft_wrap=True, markup=False, highlight=False)


def advice(verdict: Verdict) -> Iterator[str]:
    """What to do about dead letters that a setting would have spared."""
    strangers = verdict.dead_letters.reasons[reasons.NO_COLUMN] if verdict.dead_letters else 0
    if strangers:
        yield (
            f"no column found anything in {counted(strangers, 'event')}: the columns are another source's; "
            "give --columns a file of your own (docs/how-to/another-source.md)"
        )


def exit_code(verdict: Verdict) -> int:
    """`verify`'s, and for columns without ids that of the numbers alone."""
    if verdict.objects.uncounted and not (verdict.objects.unreadable or verdict.objects.odd):
        return Counts.of(verdict).exit_code
    return verdict.exit_code


def reason(error: BaseException) -> str:
    """What ended the run: of what the machine refused the place and the reason, without a number."""
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.filename}: {os_reason(error)}" if error.filename else os_reason(error)


def _cell(value: Any) -> str:
    if pd.isna(value):  # None, NaN, NaT or NA
        return ""
    return "".join(c if c.isprintable() else " " for c in str(value)).replace("[", r"\[")
