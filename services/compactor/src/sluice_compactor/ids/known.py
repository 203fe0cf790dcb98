"""The ids that the table holds of one day: of only its files, and only the hours that are asked for."""

import datetime
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import FileScanTask, Table

from sluice_compactor.errors import told
from sluice_compactor.ids.hashes import Hashes
from sluice_compactor.table.definition import DAY, HOUR

_READERS: Final = 4


@dataclass(frozen=True)
class Files:
    """Data files of one snapshot; `rows` is what they hold, rows deleted since included."""

    table: Table
    tasks: tuple[FileScanTask, ...]

    @property
    def rows(self) -> int:
        """Rows in them, at most."""
        return sum(task.file.record_count for task in self.tasks)


def files_of(
    table: Table, snapshot: int | None, day: datetime.date, hours: Collection[int | None]
) -> Files:
    """The files of `day` in `snapshot` that may hold an event of one of `hours`.

    An hour of None may be any: then, and for rows without one (they came under another SLUICE_PARTITION_BY),
    nothing is left out.
    """
    if snapshot is None:
        return Files(table, ())
    wanted = f"{DAY} = '{day.isoformat()}'"
    if hours and None not in hours:
        wanted += f" and ({HOUR} in ({', '.join(map(str, hours))}) or {HOUR} is null)"
    with told(f"plan a read of {day}"):
        tasks = table.scan(row_filter=wanted, snapshot_id=snapshot).plan_files()
        return Files(table, tuple(tasks))


def hashes_of(files: Files, id_column: str) -> Iterator[Hashes]:
    """The hashes of their ids, a file at a time; rows that a merge-on-read engine has deleted are not among them."""
    with ThreadPoolExecutor(_READERS, "known") as pool:
        tasks = iter(files.tasks)
        # A few at a time: a file's ids are in memory while they are read.
        while some := list(islice(tasks, _READERS)):
            yield from pool.map(lambda task: _hashes(files.table, task, id_column), some)


def _hashes(table: Table, task: FileScanTask, id_column: str) -> Hashes:
    return Hashes.of(
        name
        for batch in read_file(table, task, [id_column])
        for name in batch.column(0).to_pylist()
        if name is not None
    )


def read_file(table: Table, task: FileScanTask, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """The rows of one file in the table's present `columns`, without those that are deleted."""
    with told(f"read {task.file.file_path}"):
        projected = table.schema().select(*columns)
        yield from ArrowScan(table.metadata, table.io, projected, AlwaysTrue()).to_record_batches(
            [task]
        )
