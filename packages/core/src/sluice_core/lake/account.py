"""What became of every event: stored, duplicated, dead-lettered, pending or lost. Counted by occurrence.

Pure: ids in, numbers out. `sluice verify` and the summary of `sluice run` both count with it. Ids are counted a
shard at a time (`lake.ids`), so that tens of millions need no more memory than a few hundred thousand. What is
counted, and why, is explained in docs/explanation/accounting.md. Needs the `read` extra (pyarrow).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sluice_core.lake.arrow import Array, Chunked
from sluice_core.lake.ids import (
    SHARDS,
    TEXT,
    Counts,
    Ids,
    Shards,
    Universe,
    chunks_of,
    shards_of,
    split,
)
from sluice_core.lake.told import Tally, Telling, Told, tally

__all__ = ["Account", "Array", "Chunked", "Ids", "account"]


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

    With a lake table, where each event is once: `table_rows`: its rows (None: there is none, or it was not read).
    An id that it holds is wanted there once, and `rows` of it are `awaiting` their deletion: they count as nothing
    else. `table_duplicates`: rows of the table beyond the first of their id.

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
    table_rows: int | None = None
    awaiting: int = 0
    table_duplicates: int = 0
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The account as JSON takes it."""
        return asdict(self)


def account(
    *,
    source: Telling | Told | Ids | None,
    rows: Shards | Ids,
    more_rows: Telling | None = None,
    table: Shards | Ids | None = None,
    ledger: Telling | Told | None = None,
    filtered: Ids = (),
    dead: Iterable[str | Sequence[str]] = (),
    pending: Iterable[str | Sequence[str]] = (),
    dropped: int = 0,
    samples: int = 5,
) -> Account:
    """The account of `source` against what was found.

    `source`: what the source gave, as told by itself; `ledger`: what the producer told. One alone is enough, and
    neither means that loss is not known. `more_rows`: entries that count as if they were rows. `table`: ids of the
    lake table's rows, read after `rows`. `filtered`: further ids that need not be there. `dead` and `pending`: one
    entry an event; where its id is not certain, the candidates, likeliest first: the first one that the source
    knows counts, else the first. `dropped`: rows that a transform left out. `samples`: ids to name of each kind.
    """
    told = [_telling(part) for part in (source, ledger) if part is not None]
    exempt = shards_of(chunks_of(filtered))
    known = [part.shards for part in told] + [exempt]
    dead_ids, pending_ids = (
        shards_of(_resolve(part, known if told else ())) for part in (dead, pending)
    )
    stored, lake = (_shards(part) for part in (rows, () if table is None else table))
    sums: Counter[str] = Counter()
    named: dict[str, list[str]] = {}
    for number in range(SHARDS):
        row_ids = stored.shard(number)[0]
        if more_rows is not None:
            row_ids = pa.chunked_array([*row_ids.chunks, *more_rows.shard(number).ids.chunks], TEXT)
        places = [exempt.shard(number)[0], row_ids]
        places += [part.shard(number)[0] for part in (dead_ids, pending_ids, lake)]
        counted = _count([part.shard(number) for part in told], places)
        sums.update(counted.sums)
        for kind, some in counted.name(samples).items():
            named[kind] = [*named.get(kind, ()), *some][:samples]
    if table is None:
        del sums["table_rows"]
    return _account(sums, named, dropped=dropped, source_known=bool(told))


def _shards(ids: Shards | Ids) -> Shards:
    return ids if isinstance(ids, Shards) else shards_of(chunks_of(ids))


def _telling(told: Telling | Told | Ids) -> Telling:
    if isinstance(told, Telling):
        return told
    return Telling.of(told if isinstance(told, Told) else Told.of(told))


@dataclass(frozen=True)
class _Counted:
    """Of some ids: the sums that can be added to others', and how to name a few of each kind."""

    sums: Mapping[str, int]
    name: Callable[[int], dict[str, list[str]]]


def _count(told: Sequence[Told], places: Sequence[Chunked]) -> _Counted:
    """Counts; `places`: ids that need not be there, of rows, of dead letters, of what is pending, of the table."""
    universe = Universe([*(part.ids for part in told), *places])
    exempt, raw, dead_lettered, waiting, table = (
        universe.count(part) for part in universe.codes[-5:]
    )
    stored = np.where(table > 0, table, raw)
    tallies = [
        tally(universe, part, codes) for part, codes in zip(told, universe.codes, strict=False)
    ]
    wanted = _wanted(tallies, exempt, table, both=len(told) == 2) if tallies else None
    found = stored + dead_lettered + waiting
    # Without a source every id is wanted once.
    first = np.minimum(stored, 1) if wanted is None else np.maximum(wanted.given, stored > 0)
    surplus = np.maximum(stored - np.where(table > 0, 1, first), 0)
    wanting = universe.zeros() if wanted is None else np.maximum(wanted.least - stored, 0)
    from_dead = _taken(dead_lettered, wanting, stored)
    from_queue = _taken(waiting, np.maximum(wanting - dead_lettered, 0), stored + dead_lettered)
    twice = np.maximum(table - 1, 0)
    kinds = {
        "duplicated": surplus,
        "table_duplicates": twice,
        "dead_lettered": from_dead,
        "pending": from_queue,
    }
    sums = {
        "rows": len(places[1]),
        "stored": int((stored > 0).sum()),
        "duplicated_ids": int((surplus > 0).sum()),
        "table_rows": len(places[-1]),
        "awaiting": int(raw[table > 0].sum()),
    }
    if wanted is None:
        sums["filtered"] = int((exempt > 0).sum())
    else:
        kinds["lost"] = np.maximum(wanted.least - found, 0)
        kinds["unexpected"] = np.where(wanted.known, 0, found)
        kinds["conflicting"], kinds["untold"] = wanted.conflicting, wanted.untold
        sums |= {
            "source": int(wanted.given.sum()),
            "filtered": int(np.maximum(wanted.given - wanted.least, 0).sum()),
            "wanting_at_most": int(np.maximum(wanted.most - found, 0).sum()),
        }
    sums |= {kind: int(counts.sum()) for kind, counts in kinds.items()}
    return _Counted(sums, lambda most: _samples(universe, kinds, most))


def _account(
    sums: Counter[str], named: Mapping[str, Sequence[str]], *, dropped: int, source_known: bool
) -> Account:
    common: dict[str, Any] = {
        name: sums[name] for name in ("filtered", "rows", "stored", "duplicated_ids")
    }
    common |= {name: sums[name] for name in ("dead_lettered", "pending", "awaiting")}
    common |= {name: sums[name] for name in ("table_rows", "table_duplicates") if name in sums}
    common |= {"duplicates": sums["duplicated"], "samples": named}
    if not source_known:
        return Account(source=None, lost=None, unexpected=None, **common)
    left_out = min(dropped, sums["lost"])
    unsure = sums["wanting_at_most"] - sums["lost"]
    return Account(
        source=sums["source"],
        lost=sums["lost"] - left_out,
        unexpected=sums["unexpected"],
        dropped=left_out,
        conflicting_ids=sums["conflicting"],
        untold_ids=sums["untold"],
        unclear=max(0, unsure - (dropped - left_out)),
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


def _wanted(tallies: Sequence[Tally], exempt: Counts, table: Counts, *, both: bool) -> _Wanted:
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
    least, most = (np.where(table > 0, np.minimum(part, 1), part) for part in (least, most))
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


def _resolve(events: Iterable[str | Sequence[str]], known: Sequence[Shards]) -> Chunked:
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


def _known(names: list[str], known: Sequence[Shards]) -> set[str]:
    found: set[str] = set()
    for number, asked in enumerate(split(names)):
        for part in known:
            ids, _ = part.shard(number)
            if asked and len(ids):
                there = pc.is_in(pa.array(asked, TEXT), value_set=ids).to_pylist()
                found.update(
                    name for name, known_there in zip(asked, there, strict=True) if known_there
                )
    return found
