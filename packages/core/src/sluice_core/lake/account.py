"""What became of every event: stored, duplicated, dead-lettered, pending or lost. Counted by occurrence.

Pure: ids in, numbers out. `sluice verify` and the summary of `sluice run` both count with it. Each distinct id is
kept once, in Arrow's memory, and counts are columns of numbers: about 400 bytes an event at the peak, so that
millions fit into memory. What is counted, and why, is explained in docs/explanation/accounting.md.
Needs the `read` extra (pyarrow).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sluice_core.lake.occurrences import Array, Chunks, Counts, Ids, Universe, chunks_of
from sluice_core.lake.told import Tally, Told, tally

__all__ = ["Account", "Array", "Chunks", "Ids", "account", "without"]


@dataclass(frozen=True)
class Account:
    """The account of one stream; every number counts occurrences of events, except `rows` and `…_ids`.

    `source`: events that the source gave, None when nobody told; `filtered`: those that need not be there
    (canaries, what the producer filtered or dropped as known). `rows`: rows in the objects; `stored`: distinct
    ids among them. `duplicates`: rows beyond what the source gave of their id (without a source: beyond the
    first); `duplicated_ids`: ids that have such rows. `dead_lettered`: in the dead-letter queue where a row is
    wanting. `pending`: the same of the main queue. `lost`: given by the source, and in none of the three.
    `unexpected`: in one of the three, under an id that the source did not give. `lost` and `unexpected` are
    None when no source is known. `dropped`: of those that are wanting, as many as a transform left out.

    What the account cannot know: `conflicting_ids`, ids under which the source gave events that differ;
    `untold_ids`, ids that came more than once while nobody tells whether the events are the same; `unclear`,
    events that were sent again after a restart and are there less often than they were sent.
    `samples`: a few ids of each kind, for people.
    """

    source: int | None
    filtered: int
    rows: int
    stored: int
    duplicates: int
    duplicated_ids: int
    dead_lettered: int
    pending: int
    lost: int | None
    unexpected: int | None
    dropped: int = 0
    conflicting_ids: int = 0
    untold_ids: int = 0
    unclear: int = 0
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The account as JSON takes it."""
        return asdict(self)


def account(
    *,
    source: Told | Ids | None,
    rows: Ids,
    ledger: Told | None = None,
    filtered: Ids = (),
    dead: Iterable[str | Sequence[str]] = (),
    pending: Iterable[str | Sequence[str]] = (),
    dropped: int = 0,
    samples: int = 5,
) -> Account:
    """The account of `source` against what was found.

    `source`: what the source gave, as told by itself; `ledger`: what the producer told. One alone is enough, and
    neither means that loss is not known. `filtered`: further ids that need not be there. `dead` and `pending`: one
    entry an event; where its id is not certain, the candidates, likeliest first: the first one that the source
    knows counts, else the first. `dropped`: rows that a transform left out. `samples`: ids to name of each kind.
    """
    given = source if isinstance(source, Told) or source is None else Told.of(source)
    row_ids, exempt_ids = chunks_of(rows), chunks_of(filtered)
    told = [part for part in (given, ledger) if part is not None]
    known = [part.ids for part in told] + [exempt_ids]
    dead_ids, pending_ids = (_resolve(part, known if told else ()) for part in (dead, pending))
    universe = Universe([*known, row_ids, dead_ids, pending_ids])
    exempt, stored, dead_lettered, waiting = (universe.count(part) for part in universe.codes[-4:])
    tallies = [
        tally(universe, part, codes) for part, codes in zip(told, universe.codes, strict=False)
    ]
    wanted = _wanted(tallies, exempt, both=len(told) == 2) if tallies else None
    found = stored + dead_lettered + waiting
    # Without a source every id is wanted once.
    first = np.minimum(stored, 1) if wanted is None else np.maximum(wanted.given, stored > 0)
    surplus = np.maximum(stored - first, 0)
    wanting = universe.zeros() if wanted is None else np.maximum(wanted.least - stored, 0)
    from_dead = _taken(dead_lettered, wanting, stored)
    from_queue = _taken(waiting, np.maximum(wanting - dead_lettered, 0), stored + dead_lettered)
    kinds = {"duplicated": surplus, "dead_lettered": from_dead, "pending": from_queue}
    common: dict[str, Any] = {
        "rows": len(row_ids),
        "stored": int((stored > 0).sum()),
        "duplicates": int(surplus.sum()),
        "duplicated_ids": int((surplus > 0).sum()),
        "dead_lettered": int(from_dead.sum()),
        "pending": int(from_queue.sum()),
    }
    if wanted is None:
        return Account(
            source=None,
            filtered=len(exempt_ids.unique()),
            lost=None,
            unexpected=None,
            samples=_samples(universe, kinds, samples),
            **common,
        )
    kinds["lost"] = np.maximum(wanted.least - found, 0)
    kinds["unexpected"] = np.where(wanted.known, 0, found)
    kinds["conflicting"], kinds["untold"] = wanted.conflicting, wanted.untold
    missing = int(kinds["lost"].sum())
    left_out = min(dropped, missing)
    unsure = int(np.maximum(wanted.most - found, 0).sum()) - missing
    return Account(
        source=int(wanted.given.sum()),
        filtered=int(np.maximum(wanted.given - wanted.least, 0).sum()),
        lost=missing - left_out,
        unexpected=int(kinds["unexpected"].sum()),
        dropped=left_out,
        conflicting_ids=int(wanted.conflicting.sum()),
        untold_ids=int(wanted.untold.sum()),
        unclear=max(0, unsure - (dropped - left_out)),
        samples=_samples(universe, kinds, samples),
        **common,
    )


@dataclass(frozen=True)
class _Wanted:
    """Per id: occurrences that the source gave; that must be there at `least`, and at `most` as far as is known;
    whether the source knows it; 1 where its events differ, or where nobody tells whether they do."""

    given: Counts
    least: Counts
    most: Counts
    known: NDArray[np.bool_]
    conflicting: Counts
    untold: Counts


def _wanted(tallies: Sequence[Tally], exempt: Counts, *, both: bool) -> _Wanted:
    """What must be there. The source's own word comes first: it knows how often an event came.

    The ledger alone tells what was sent. What it tells again after a restart is either the same event, sent again,
    or the event's second coming: at least as many as one run sent must be there, at most all of them.
    """
    base, sent = tallies[0], tallies[-1]
    conflicting = np.minimum(sum(part.conflicting for part in tallies), 1)
    least, most = base.must_in_a_run, base.must
    if both:
        least = np.maximum(base.must - sent.filtered, np.minimum(base.must, sent.must_in_a_run))
        # The same event under the same id, dropped as known, need not be there again.
        known_again = (sent.repeated > 0) & (conflicting == 0)
        least = np.where(known_again, np.minimum(least, np.maximum(sent.must, 1)), least)
        most = least
    least, most = np.where(exempt > 0, 0, least), np.where(exempt > 0, 0, most)
    untold = np.minimum(sum(part.untold for part in tallies), 1)
    known = np.logical_or.reduce([*(part.known for part in tallies), exempt > 0])
    given = np.maximum(base.given, np.minimum(exempt, 1))
    return _Wanted(given, least, most, known, conflicting, np.where(conflicting > 0, 0, untold))


def _taken(there: Counts, wanting: Counts, elsewhere: Counts) -> Counts:
    """What counts of `there`: as much as is wanting; of an id that is not, one where it is nowhere else."""
    one = np.where(elsewhere > 0, 0, np.minimum(there, 1))
    return np.where(wanting > 0, np.minimum(there, wanting), one).astype(np.int32)


def _samples(universe: Universe, kinds: Mapping[str, Counts], most: int) -> dict[str, list[str]]:
    return {name: universe.name(counts, most) for name, counts in kinds.items()}


def without(ids: Ids, others: Ids) -> Chunks:
    """`ids`, in their order and as often as they stand there, less those in `others`."""
    chunks, taken = chunks_of(ids), chunks_of(others)
    return chunks.filter(pc.invert(pc.is_in(chunks, value_set=taken))) if len(taken) else chunks


def _resolve(events: Iterable[str | Sequence[str]], known: Sequence[Chunks]) -> Chunks:
    """An id for each event, with the candidates of an uncertain one settled by what the source knows."""
    certain: list[str] = []
    uncertain: list[Sequence[str]] = []
    for event in events:
        if isinstance(event, str):
            certain.append(event)
        elif len(event) == 1:
            certain.append(event[0])
        elif event:
            uncertain.append(event)
    if uncertain:
        there = _known([name for event in uncertain for name in event], known)
        certain += [
            next((name for name in event if name in there), event[0]) for event in uncertain
        ]
    return chunks_of(certain)


def _known(names: list[str], known: Sequence[Chunks]) -> set[str]:
    found: set[str] = set()
    asked = pa.array(names, pa.large_string())
    for ids in known:
        there = pc.is_in(asked, value_set=ids).to_pylist() if len(ids) else ()
        found.update(name for name, is_there in zip(names, there, strict=False) if is_there)
    return found
