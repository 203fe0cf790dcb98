"""A finished day's many small files become few large ones, in the order of the hours, by one strict commit.

What a pass writes is as small as what came since the last one. A day that is over gets its files once more, so that
a reader of it opens few. Rows are neither added nor dropped: their number is compared before the commit.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
from pyiceberg.table import FileScanTask, Table
from sluice_core.errors import PermanentError
from sluice_core.lake.arrow import pc

from sluice_compactor.compact.partition import FileLimits, Point, nowhere
from sluice_compactor.errors import LostRaceError, told
from sluice_compactor.table.definition import DAY, HOUR
from sluice_compactor.write.commit import replace
from sluice_compactor.write.files import Writer
from sluice_compactor.write.stored import Group, StoredFile

FEW: Final = 4
"""Small files that a finished day may keep: a late event does not make the whole day be written again."""
OVER: Final = datetime.timedelta(hours=6)
"""How long after its end a day is finished: what comes later is late."""

Tasks = Mapping[datetime.date, Sequence[FileScanTask]]


def files_by_day(table: Table) -> Tasks:
    """The table's data files by day, as the table is now."""
    found = defaultdict[datetime.date, list[FileScanTask]](list)
    at = [field.name for field in table.spec().fields].index(DAY)
    with told("plan a read of the table"):
        for task in table.scan().plan_files():
            day = task.file.partition[at]
            # Iceberg's dates are days since the epoch.
            found[_EPOCH + datetime.timedelta(days=day) if isinstance(day, int) else day].append(
                task
            )
    return found


_EPOCH: Final = datetime.date(1970, 1, 1)


def due(
    files: Tasks, now: datetime.datetime, limits: FileLimits, dirty: Collection[datetime.date]
) -> dict[datetime.date, list[FileScanTask]]:
    """The small files of each finished day that has many; a day with raw objects waits for them."""
    found = {}
    for day, tasks in sorted(files.items()):
        end = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        small = [task for task in tasks if task.file.file_size_in_bytes < limits.file // 2]
        over = end + datetime.timedelta(days=1) + OVER <= now
        if over and day not in dirty and len(small) > FEW:
            found[day] = small
    return found


def rewrite(
    table: Table,
    day: datetime.date,
    tasks: Sequence[FileScanTask],
    *,
    id_column: str,
    limits: FileLimits,
    point: Point = nowhere,
) -> int:
    """Rewrites the files of `tasks`, which are of the table as it is loaded; gives how many there are instead.

    Raises LostRaceError when the table has moved: nothing was changed.
    """
    base = table.current_snapshot()
    if base is None:
        return 0
    writer = Writer(table, day, id_column, chunk=limits.chunk, target=limits.file)
    files = [StoredFile(table, task) for task in tasks]
    try:
        read = sum(_copy(writer, rows, point) for rows in _by_hour(files))
        new = writer.finish()
        _must_be_all(day, tasks, read, sum(file.record_count for file in new))
        point("rewritten")
        old = [task.file for task in tasks]
        replace(table, base, old, new, {"sluice.day": day.isoformat(), "sluice.rewrite": "true"})
    except (LostRaceError, _NotAllError):
        writer.discard()
        raise
    return len(new)


class _NotAllError(PermanentError):
    """What was written is not what stands in the files."""


def _must_be_all(
    day: datetime.date, tasks: Sequence[FileScanTask], read: int, written: int
) -> None:
    before = sum(task.file.record_count for task in tasks)
    # Of a file with deletes nobody knows beforehand how many rows are left.
    if read != written or (read != before and not any(task.delete_files for task in tasks)):
        raise _NotAllError(
            f"{day}: {before:,} rows stand in the files, {read:,} were read and {written:,} written: not rewritten"
        )


def _copy(writer: Writer, rows: pa.Table, point: Point) -> int:
    writer.add(rows)
    point("copied")
    return len(rows)


def _by_hour(files: Sequence[StoredFile]) -> Iterator[pa.Table]:
    """All rows, hour by hour, those without one first: a row group is read again for each hour that it holds."""
    groups: list[Group] = [group for file in files for group in file.groups()]
    for hour in (None, *range(24)):
        for group in groups:
            if group.may_hold(hour):
                rows = group.read()
                column = rows.column(HOUR)
                chosen = pc.is_null(column) if hour is None else pc.equal(column, hour)
                yield rows.filter(pc.fill_null(chosen, False))
