"""The account of a finished run: ids that went in against ids read back from the files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sluice_core.account import Account, account
from sluice_core.deadletter import DeadLetter
from sluice_core.errors import PermanentError
from sluice_core.event_id import event_id
from sluice_core.reader import read_arrow


@dataclass
class Given:
    """Ids that the source gave: all, those that need not arrive, and those that were dead-lettered."""

    source: set[str] = field(default_factory=set)
    filtered: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)


def given(ledger: Path, source_ledger: Path | None) -> Given:
    """What the producer's ledger tells, and the built-in source's, as far as the producer had read it.

    The source runs ahead of its reader by what the network holds, so its ids count up to the last one
    that the producer knows; an id before that which the producer does not know was lost on the way.
    """
    states: dict[str, set[str]] = {"sent": set(), "dead": set(), "filtered": set()}
    for entry in _lines(ledger):
        states.setdefault(entry["state"], set()).add(entry["id"])
    known = Given(set().union(*states.values()), dead=states["dead"] - states["sent"])
    # A duplicate that the producer dropped is "filtered", too, and must arrive all the same.
    known.filtered = states["filtered"] - states["sent"] - states["dead"]
    if source_ledger is not None and source_ledger.exists():
        offered = list(_lines(source_ledger))
        last = max((entry["n"] for entry in offered if entry["id"] in known.source), default=-1)
        read = [entry for entry in offered if entry["n"] <= last]
        known.source |= {entry["id"] for entry in read}
        known.filtered |= {entry["id"] for entry in read if entry["state"] == "canary"}
    return known


def reckon(known: Given, lake: Path, letters: Sequence[DeadLetter]) -> Account:
    """The account of the objects below `lake`. Raises PermanentError when they hold no event_id."""
    rows = (
        read_arrow(lake, columns=["event_id"], types={"event_id": "string"}).column("event_id")
        if lake.exists()
        else ()
    )
    dead = [*known.dead, *(_letter_id(letter) for letter in letters)]
    return account(source=known.source, rows=rows, filtered=known.filtered, dead=dead)


def rows_only(lake: Path) -> int:
    """The number of rows below `lake`, for a set of columns without event_id."""
    try:
        return int(read_arrow(lake).num_rows) if lake.exists() else 0
    except PermanentError:
        return 0


def _letter_id(letter: DeadLetter) -> str:
    return event_id(letter.body.encode("utf-8", "surrogatepass"))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield orjson.loads(line)
