"""The account of a finished run: `verify`'s, of the lake on disk and the ledgers beside it."""

from pathlib import Path

from sluice_cli.verify.expected_ids import read_given
from sluice_cli.verify.verdict import Messages, Objects, Verdict, judge, read_objects
from sluice_core.lake.telling import Telling

COLUMN = "event_id"


def reckon(
    ledger: Path, source: Path | None, lake: Path, dead_letters: Messages, dropped: int = 0
) -> Verdict:
    """The verdict on the objects below `lake`; `dropped`: rows that a transform left out of them.

    `ledger` is the producer's; `source` the built-in source's, when that was read. A file that is not there
    tells nothing: its writer never started.
    """
    objects = read_objects(lake, None, COLUMN) if lake.exists() else Objects()
    objects.dropped = dropped
    return judge(
        objects,
        source=None if source is None else _given(source),
        ledger=_given(ledger),
        dead_letters=dead_letters,
    )


def _given(path: Path) -> Telling:
    return read_given(path) if path.exists() else Telling()
