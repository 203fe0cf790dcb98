"""What a source, or the producer's ledger, tells of many events: `Told`, in shards."""

from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa

from sluice_core.lake.shards import SHARDS, Columns, Shards
from sluice_core.lake.told import Told

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
        ids = pa.chunked_array(
            [chunk for part in parts for chunk in part[0].chunks], pa.large_string()
        )
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
