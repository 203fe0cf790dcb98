"""One day: what is new of its raw objects, into the table, by one commit. The order is what makes it exact.

1. The table's present snapshot is the base of everything; the ids that it holds of this day are read.
2. Each raw object is read; the first row of each id that is not known goes into new files.
3. One commit puts them on top of the base, or nothing does.
4. Only then are exactly these raw objects deleted, by the caller.
A crash before 3 leaves files that nobody names, one after it raw objects whose ids are known: they add nothing.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import pyarrow as pa
from pyiceberg.table import Table
from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import PermanentError
from sluice_core.wire.event_id import META_ID
from sluice_core.wire.id_rule import Rule

from sluice_compactor.errors import LostRaceError, TableGrewError
from sluice_compactor.ids.forgotten import forgotten
from sluice_compactor.ids.hashes import BYTES_AN_ID, Hashes, Seen
from sluice_compactor.ids.known import Files, files_of, hashes_of
from sluice_compactor.raw.fetch import Body, fetch
from sluice_compactor.raw.fit import Fitter, RawTable, read_raw
from sluice_compactor.raw.listing import RawObject
from sluice_compactor.settings import CompactorSettings
from sluice_compactor.table.definition import extend
from sluice_compactor.write.commit import append
from sluice_compactor.write.files import Writer

Point = Callable[[str], None]
"""Is told each step by name: what a test uses to end the process there."""

_MAX_BITS: Final = 16
_ID_SHARE: Final = 4
"""A set of ids takes this many times its final size while it is sorted."""


def nowhere(_step: str) -> None:
    """A `Point` that does nothing."""


class _TooManyIdsError(Exception):
    """The ids do not fit into their share of the memory: take fewer at a time."""


@dataclass(frozen=True)
class FileLimits:
    """`memory`: bytes for ids and rows together, besides what the process takes at rest; `file`: of a data file."""

    memory: int
    file: int

    @classmethod
    def of(cls, settings: CompactorSettings) -> Self:
        """As the settings say."""
        return cls(settings.lake_max_memory, settings.lake_file_bytes)

    @property
    def ids(self) -> int:
        """Ids that may be in memory at once."""
        return max(1, self.memory // 3 // (BYTES_AN_ID * _ID_SHARE))

    @property
    def chunk(self) -> int:
        """Arrow bytes of a row group: it is there twice while it is sorted."""
        return max(1, self.memory // 8)

    @property
    def ahead(self) -> int:
        """Bytes of raw objects that may be read ahead: they unpack to several times as much."""
        return max(1, self.memory // 32)


@dataclass
class DayOutcome:
    """What became of a day's raw objects. `taken`: they may go now; `set_aside`: key → why, they stay."""

    taken: list[RawObject] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    rows_in: int = 0
    rows_out: int = 0
    files: int = 0
    shards: int = 1
    snapshot: int | None = None

    @property
    def duplicates(self) -> int:
        """Rows that were known already."""
        return self.rows_in - self.rows_out


class Day:
    """Compacts one day of `raws` into `table`, which is as it was loaded for this. `rule`: of events as they came."""

    def __init__(
        self,
        table: Table,
        bucket: BucketLike,
        day: datetime.date,
        raws: Sequence[RawObject],
        *,
        id_column: str,
        limits: FileLimits,
        rule: Rule = META_ID,
        point: Point = nowhere,
    ) -> None:
        self._table, self._bucket = table, bucket
        self._day, self._raws = day, raws
        self._id_column, self._rule = id_column, rule
        self._limits, self._point = limits, point
        self._fitter = Fitter(table)
        self._base = table.current_snapshot()

    def compact(self) -> DayOutcome:
        """One commit at most. Raises LostRaceError: start over with the table loaded anew. Deletes no raw object."""
        base = None if self._base is None else self._base.snapshot_id
        known = files_of(self._table, base, self._day, {raw.hour for raw in self._raws})
        # After the base: whoever forgets rows writes their ids down before he takes them out of the table.
        gone = forgotten(self._bucket, ".".join(self._table.name()))
        bits = max(0, (known.rows // self._limits.ids).bit_length())
        while True:
            writer = Writer(
                self._table,
                self._day,
                self._id_column,
                chunk=self._limits.chunk,
                target=self._limits.file,
            )
            try:
                return self._commit(writer, known, gone, bits)
            except _TooManyIdsError:
                writer.discard()
                bits += 1
            except LostRaceError:
                writer.discard()
                raise

    def _commit(
        self, writer: Writer, known: Files, gone: Sequence[Hashes], bits: int
    ) -> DayOutcome:
        outcome = DayOutcome(shards=2**bits)
        read = {raw.key for raw in self._raws}
        for shard in range(2**bits):
            read &= self._shard(writer, known, gone, outcome, shard=shard, bits=bits)
        outcome.taken = [raw for raw in self._raws if raw.key in read - outcome.set_aside.keys()]
        files = writer.finish()
        outcome.rows_out, outcome.files = writer.rows, len(files)
        self._point("written")
        if files:
            outcome.snapshot = append(self._table, self._base, files, self._summary(outcome))
        self._point("committed")
        return outcome

    def _shard(
        self,
        writer: Writer,
        known: Files,
        gone: Sequence[Hashes],
        outcome: DayOutcome,
        *,
        shard: int,
        bits: int,
    ) -> set[str]:
        """Reads all objects for the ids of one shard; gives the keys of those that are there."""
        seen = Seen()
        for hashes in (*gone, *hashes_of(known, self._id_column)):
            seen.add(hashes.where(hashes.shard(shard, bits)))
            self._must_fit(seen, bits)
        self._point("known")
        read: set[str] = set()
        for body in fetch(self._bucket, self._raws, ahead=self._limits.ahead):
            read.add(body.raw.key)
            if body.raw.key in outcome.set_aside:
                continue
            try:
                raw, rows = self._fitted(body)
            except PermanentError as error:
                outcome.set_aside[body.raw.key] = str(error)[:300]
                continue
            hashes = Hashes.of(map(str, raw.rows.column(self._id_column).to_pylist()))
            mine = hashes.shard(shard, bits)
            fresh = np.zeros(len(hashes), np.bool_)
            fresh[mine] = seen.new(hashes.where(mine))
            writer.add(rows.filter(pa.array(fresh)))
            outcome.rows_in += len(rows) if shard == 0 else 0
            self._must_fit(seen, bits)
            self._point("read")
        return read

    def _must_fit(self, seen: Seen, bits: int) -> None:
        if len(seen) > self._limits.ids and bits < _MAX_BITS:
            raise _TooManyIdsError

    def _fitted(self, body: Body) -> tuple[RawTable, pa.Table]:
        raw = read_raw(body.raw.key, body.content, body.metadata, self._id_column, self._rule)
        missing = self._fitter.missing(raw)
        if not missing:
            return raw, self._fitter.fit(raw, body.raw)
        # An object that is set aside for another column adds none.
        self._fitter.fit(raw, body.raw)
        extend(self._table, missing)
        raise TableGrewError(f"the table has {len(missing)} more columns now")

    def _summary(self, outcome: DayOutcome) -> dict[str, str]:
        return {
            "sluice.day": self._day.isoformat(),
            "sluice.raw-objects": str(len(outcome.taken)),
            "sluice.raw-rows": str(outcome.rows_in),
        }
