"""The account of a finished run: `verify`'s, of the lake on disk and the ledgers beside it."""

from pathlib import Path

from sluice_core.errors import PermanentError
from sluice_core.reader import read_arrow

from sluice_cli.given import Given, read_given
from sluice_cli.verify import Messages, Objects, Verdict, judge, read_objects

COLUMN = "event_id"


def reckon(ledger: Path, source: Path | None, lake: Path, letters: Messages) -> Verdict:
    """The verdict on the objects below `lake`.

    `ledger` is the producer's; `source` the built-in source's, when that was read. A file that is not there
    tells nothing: its writer never started.
    """
    return judge(
        read_objects(lake, None, COLUMN) if lake.exists() else Objects(),
        source=None if source is None else _given(source),
        ledger=_given(ledger),
        letters=letters,
    )


def rows_without_ids(lake: Path) -> int | None:
    """The number of rows below `lake` where the columns chosen have no event_id; None where they have one."""
    try:
        table = read_arrow(lake)
    except PermanentError:
        return None
    return None if COLUMN in table.column_names else int(table.num_rows)


def _given(path: Path) -> Given:
    return read_given(path) if path.exists() else Given.nothing()
