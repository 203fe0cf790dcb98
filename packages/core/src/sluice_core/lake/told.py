"""What the source, or the producer's ledger, tells of events: ids, what became of them, and their content."""

from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice_core.lake.arrow import Chunked
from sluice_core.lake.ids import (
    SHARDS,
    TEXT,
    Columns,
    Counts,
    Ids,
    Shards,
    Universe,
    chunks_of,
    codes_of,
)

MUST: Final = 0
"""The event must be there: it was sent, offered or dead-lettered."""
FILTERED: Final = 1
"""It need not: a canary, or what the producer filtered."""
REPEATED: Final = 2
"""The producer dropped it, because it knew its id."""

NO_DIGEST: Final = 0


@dataclass(frozen=True)
class Told:
    """Entries in the order in which they were told, a column for each field.

    `states`: MUST, FILTERED or REPEATED. `digests`: 64 bits of the content's SHA-256, NO_DIGEST where nobody told.
    `runs`: the number of the producer's start that the entry follows. `torn`: entries that were cut off.
    """

    ids: Chunked
    states: NDArray[np.uint8]
    digests: NDArray[np.uint64]
    runs: NDArray[np.int32]
    torn: int = 0

    @classmethod
    def of(cls, ids: Ids, filtered: Ids = ()) -> Self:
        """`ids`, and then those that need not be there, without anything else."""
        must, need_not = chunks_of(ids), chunks_of(filtered)
        size = len(must) + len(need_not)
        states = np.zeros(size, np.uint8)
        states[len(must) :] = FILTERED
        both = pa.chunked_array([*must.chunks, *need_not.chunks], TEXT)
        return cls(both, states, np.zeros(size, np.uint64), np.zeros(size, np.int32))

    def where(self, wanted: NDArray[np.bool_]) -> "Told":
        """The entries that are wanted."""
        ids = self.ids.filter(pa.array(wanted))
        return Told(ids, self.states[wanted], self.digests[wanted], self.runs[wanted], self.torn)

    def known_to(self, other: "Told") -> NDArray[np.bool_]:
        """Which entries `other` knows, too. One that comes for the third time is known where it knows three of it."""
        ids, (mine, theirs) = codes_of([self.ids, other.ids])
        known = np.bincount(theirs[other.states != REPEATED], minlength=len(ids))
        found: NDArray[np.bool_] = _ranks(mine) < known[mine]
        return found


@dataclass(frozen=True)
class Tally:
    """Told entries, counted for each id of a universe.

    `must`, `filtered`, `repeated`: entries of these states; `must_in_a_run`, `given`: the most of MUST, and of MUST
    and FILTERED together, that one run tells. `conflicting`: 1 where the contents of an id's entries differ.
    `untold`: 1 where one run tells an id more than once, and not what the contents are.
    """

    must: Counts
    filtered: Counts
    repeated: Counts
    must_in_a_run: Counts
    given: Counts
    conflicting: Counts
    untold: Counts

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where an id is told of at all."""
        found: NDArray[np.bool_] = (self.must + self.filtered + self.repeated) > 0
        return found


def tally(universe: Universe, told: Told, codes: NDArray[np.int32]) -> Tally:
    """The tally of `told`, whose ids have the `codes` in `universe`."""
    must, filtered, repeated = (
        universe.count(codes[told.states == state]) for state in (MUST, FILTERED, REPEATED)
    )
    if len(told.runs) and told.runs[-1] > told.runs[0]:
        must_in_a_run, given = universe.zeros(), universe.zeros()
        for run in range(int(told.runs[0]), int(told.runs[-1]) + 1):
            here = told.runs == run
            own = universe.count(codes[here & (told.states == MUST)])
            both = own + universe.count(codes[here & (told.states == FILTERED)])
            must_in_a_run, given = np.maximum(must_in_a_run, own), np.maximum(given, both)
    else:
        must_in_a_run, given = must, must + filtered
    conflicting, unknown = _contents(universe, told, codes)
    untold = np.where(must_in_a_run > 1, unknown, 0).astype(np.int32)
    return Tally(must, filtered, repeated, must_in_a_run, given, conflicting, untold)


def _contents(universe: Universe, told: Told, codes: NDArray[np.int32]) -> tuple[Counts, Counts]:
    """1 where an id's contents differ; 1 where one of them is not told. Of ids that stand there more than once."""
    conflicting, unknown = universe.zeros(), universe.zeros()
    many = universe.count(codes)[codes] > 1
    if many.any():
        some, digests = codes[many], told.digests[many]
        unknown[some[digests == NO_DIGEST]] = 1
        pairs = np.unique(
            np.rec.fromarrays([some[digests != NO_DIGEST], digests[digests != NO_DIGEST]])
        )
        kinds: Any = universe.count(pairs["f0"])
        conflicting[kinds > 1] = 1
    return conflicting, unknown


def _ranks(codes: NDArray[np.int32]) -> NDArray[np.int64]:
    """For each place, how often its code stood before."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    firsts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(codes) else order
    ranks = np.empty(len(codes), np.int64)
    lengths = np.diff(np.r_[firsts, len(codes)])
    ranks[order] = np.arange(len(codes)) - np.repeat(firsts, lengths)
    return ranks


_COLUMNS: Final[dict[str, Any]] = {
    "states": np.uint8,
    "digests": np.uint64,
    "runs": np.int32,
    "at": np.int64,
}
_EVERYTHING: Final = np.iinfo(np.int64).max


@dataclass
class Telling:
    """Entries in shards, each with its place in the order in which they were told.

    `torn`: entries that were cut off. `end`: the place from which on entries do not count.
    """

    torn: int = 0
    end: int = _EVERYTHING
    shards: Shards = field(default_factory=lambda: Shards(_COLUMNS))

    @classmethod
    def of(cls, told: Told) -> Self:
        """The same, told at once."""
        found = cls(told.torn)
        found.add(told)
        return found

    def add(self, told: Told) -> None:
        """What was told next."""
        first = len(self.shards)
        columns: Columns = {"states": told.states, "digests": told.digests, "runs": told.runs}
        columns["at"] = np.arange(first, first + len(told.ids))
        self.shards.add(told.ids, columns)

    def __len__(self) -> int:
        """Entries that count."""
        return min(len(self.shards), self.end)

    def shard(self, number: int) -> Told:
        """The entries of one shard, in their order."""
        ids, columns = self.shards.shard(number)
        told = Told(ids, columns["states"], columns["digests"], columns["runs"])
        return told if self.end >= len(self.shards) else told.where(columns["at"] < self.end)

    def whole(self) -> Told:
        """All entries at once, in their order: for few."""
        parts = [self.shards.shard(number) for number in range(SHARDS)]
        columns = {name: np.concatenate([part[1][name] for part in parts]) for name in _COLUMNS}
        order = np.argsort(columns["at"])[: len(self)]
        states, digests, runs = (columns[name][order] for name in ("states", "digests", "runs"))
        ids = pa.chunked_array([chunk for part in parts for chunk in part[0].chunks], TEXT)
        places: Any = pa.array(order)
        return Told(ids.take(places), states, digests, runs, self.torn)

    def up_to_last_of(self, other: "Telling") -> tuple["Telling", int]:
        """What stands up to the last event that `other` knows, too, and how many stand after it.

        A source runs ahead of its reader by what the network holds: the end of its ledger is not read yet.
        """
        end = 0
        for number in range(SHARDS):
            ids, columns = self.shards.shard(number)
            mine = Told(ids, columns["states"], columns["digests"], columns["runs"])
            known = mine.known_to(other.shard(number))
            if known.any():
                end = max(end, int(columns["at"][known].max()) + 1)
        end = min(end, len(self))
        return Telling(self.torn, end, self.shards), len(self) - end
