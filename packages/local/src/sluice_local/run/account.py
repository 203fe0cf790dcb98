"""The account of a finished run: `verify`'s, of the lake on disk and the ledgers beside it; without ids in numbers only."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sluice_cli.verify.expected_ids import read_expected
from sluice_cli.verify.verdict import Messages, Objects, Verdict, judge, read_objects
from sluice_core.lake.told import Telling

COLUMN = "event_id"


def account_of(
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
    return read_expected(path) if path.exists() else Telling()


@dataclass(frozen=True)
class Counts:
    """`wanted`: events that must be there. `rows`, `dead`, `dropped`: where they may be. All numbers of events."""

    wanted: int
    rows: int
    dead: int
    dropped: int

    @classmethod
    def of(cls, verdict: Verdict) -> "Counts":
        """What a verdict knows without ids."""
        account, dead_letters = verdict.account, verdict.dead_letters
        return cls(
            (account.source or 0) - account.filtered,
            verdict.objects.rows,
            0 if dead_letters is None else len(dead_letters.events) + dead_letters.unreadable,
            verdict.objects.dropped,
        )

    @property
    def missing(self) -> int:
        """Events that nothing explains; negative where there is more than there should be."""
        return self.wanted - self.rows - self.dead - self.dropped

    @property
    def exit_code(self) -> int:
        """0 where the numbers agree, 1 where events are missing, 2 where a surplus may hide a loss."""
        return 1 if self.missing > 0 else 2 if self.missing < 0 else 0

    def lines(self) -> Iterator[str]:
        """The numbers for people."""
        yield (
            f"{self.rows:,} rows of {self.wanted:,} events; ids cannot be compared: these columns have no event_id"
        )
        yield f"{self.dead:,} events are dead letters, {self.dropped:,} rows were left out by the transform"
        if self.missing > 0:
            yield f"✗ {self.missing:,} events are in no file and no dead letter: lost"
        elif self.missing < 0:
            yield (
                f"✗ {-self.missing:,} more than there should be: duplicates, which could hide as many losses; columns "
                "with @event_id would tell"
            )
        else:
            yield "✓ the numbers agree"
