"""Which object a row goes to: by the row's own event time, in UTC, in Hive's form (`dt=2026-11-23/hour=14`).

The wall clock and the first row of a batch say nothing about the others: an hour of backlog that is caught
up at noon belongs to the hours that its events happened in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from sluice_core.lake.arrow import Array, pc
from sluice_core.wire.event_time import MICROS, MIN_MICROS, to_datetime

from sluice_batcher.rows.table import Rows

_HOUR: Final = 3600 * MICROS
_DAY: Final = 24 * _HOUR
_PARTS: Final = {
    "year": "year={0.year:04d}",
    "month": "month={0.month:02d}",
    "day": "day={0.day:02d}",
    "dt": "dt={0.year:04d}-{0.month:02d}-{0.day:02d}",
    "hour": "hour={0.hour:02d}",
}


@dataclass(frozen=True)
class PartitionRows:
    """The rows of one partition: its path (empty for a flat prefix) and where they were in the batch."""

    path: str
    rows: Rows
    indices: Array | None


class Partitioner:
    """Splits rows by partition. `spec` is `none` or parts out of year, month, day, dt and hour, with commas."""

    def __init__(self, spec: str) -> None:
        """Raises ValueError for an unknown, repeated or missing part."""
        self._parts: list[str] = []
        self.names = names = (
            [] if spec.strip() == "none" else [name.strip() for name in spec.split(",")]
        )
        for name in names:
            if name not in _PARTS:
                raise ValueError(
                    f"partition {name!r} is not one of {', '.join(_PARTS)} (or none, alone)"
                )
            if _PARTS[name] in self._parts:
                raise ValueError(f"partition {name!r} appears twice")
            self._parts.append(_PARTS[name])
        self._unit = _HOUR if "hour" in names else _DAY

    def path(self, micros: int) -> str:
        """The partition of an event time in microseconds since the epoch, such as `dt=2026-11-23/hour=14`."""
        when = to_datetime(micros)
        return "/".join(part.format(when) for part in self._parts)

    def split(self, rows: Rows) -> Iterator[PartitionRows]:
        """The partitions that the rows touch, by time; rows keep their order inside each."""
        if not self._parts or not len(rows):
            yield from [PartitionRows("", rows, None)] if len(rows) else []
            return
        # Counted from the year 1, where a day begins: integer division rounds towards zero.
        since = pc.subtract(rows.times.cast(pa.int64()), pa.scalar(MIN_MICROS))
        units = pc.divide(since, pa.scalar(self._unit))
        span = pc.min_max(units).as_py()
        if span["min"] == span["max"]:
            yield PartitionRows(self.path(span["min"] * self._unit + MIN_MICROS), rows, None)
            return
        order = pc.sort_indices(units)
        ordered = units.take(order)
        runs = pc.run_end_encode(ordered)
        start = 0
        merged: dict[str, list[Array]] = {}
        for unit, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            path = self.path(unit * self._unit + MIN_MICROS)
            merged.setdefault(path, []).append(order.slice(start, end - start))
            start = end
        for path, pieces in merged.items():
            yield _part(path, rows, pa.concat_arrays(pieces))


def _part(path: str, rows: Rows, indices: Array) -> PartitionRows:
    picks: list[Any] = indices.to_pylist()
    ids = [rows.ids[index] for index in picks]
    picked = Rows(rows.table.take(indices), rows.times.take(indices), ids, 0)
    return PartitionRows(path, picked, indices)
