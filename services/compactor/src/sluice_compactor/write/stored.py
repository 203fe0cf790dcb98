"""The rows of a data file again, a row group at a time, in the table's present columns: for rewriting it.

By Iceberg's field ids, as every reader does: a column may have another name, or none, in a file that is older.
https://iceberg.apache.org/spec/#column-projection
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import FileScanTask, Table
from sluice_core.errors import PermanentError
from sluice_core.lake.arrow import Chunked, chunked, nulls

from sluice_compactor.errors import told
from sluice_compactor.ids.known import read_file
from sluice_compactor.table.definition import HOUR

_FIELD_ID: Final = b"PARQUET:field_id"


@dataclass(frozen=True)
class Group:
    """Some rows of a file that can be read by themselves. `hours`: least and greatest; None where nobody tells."""

    file: "StoredFile"
    number: int
    hours: tuple[int, int] | None

    def may_hold(self, hour: int | None) -> bool:
        """Whether it may have rows of that hour (None: of none)."""
        return self.hours is None or (hour is not None and self.hours[0] <= hour <= self.hours[1])

    def read(self) -> pa.Table:
        """Its rows."""
        return self.file.read(self.number)


class StoredFile:
    """One data file of the table."""

    def __init__(self, table: Table, task: FileScanTask) -> None:
        self.task = task
        self._table = table
        self._schema = schema_to_pyarrow(table.schema(), include_field_ids=True)

    def groups(self) -> Iterator[Group]:
        """All of it. A file with deletes of a merge-on-read engine is one group, read by PyIceberg, which heeds them."""
        if self.task.delete_files:
            yield Group(self, -1, None)
            return
        with self._opened() as parquet:
            meta = parquet.metadata
            names = [meta.schema.column(index).path for index in range(meta.num_columns)]
            hour = names.index(HOUR) if HOUR in names else None
            for number in range(meta.num_row_groups):
                known = None if hour is None else meta.row_group(number).column(hour).statistics
                sure = known is not None and known.has_min_max and known.null_count == 0
                hours = (int(str(known.min)), int(str(known.max))) if known and sure else None
                yield Group(self, number, hours)

    def read(self, number: int) -> pa.Table:
        """The rows of one group; all without those deleted for -1."""
        with told(f"read {self.task.file.file_path}"):
            if number < 0:
                batches = read_file(self._table, self.task, self._schema.names)
                return pa.Table.from_batches(list(batches)).cast(self._schema)
            with self._opened() as parquet:
                return self._projected(parquet.read_row_group(number, use_threads=False))

    def _opened(self) -> pq.ParquetFile:
        with told(f"open {self.task.file.file_path}"):
            stream: Any = self._table.io.new_input(self.task.file.file_path).open()
            return pq.ParquetFile(stream)

    def _projected(self, rows: pa.Table) -> pa.Table:
        there: dict[bytes, Chunked] = {}
        for index, field in enumerate(rows.schema):
            number = (field.metadata or {}).get(_FIELD_ID)
            if number is None:
                raise PermanentError(
                    f"{self.task.file.file_path} has a column without a field id: another engine wrote it; "
                    "leave maintenance to that engine (SLUICE_LAKE_MAINTAIN=false)"
                )
            there[number] = rows.column(index)
        columns: list[Chunked] = []
        for field in self._schema:
            column = there.get((field.metadata or {})[_FIELD_ID])
            columns.append(
                chunked([nulls(len(rows), field.type)], field.type)
                if column is None
                else column.cast(field.type)
            )
        return pa.Table.from_arrays(columns, schema=self._schema)
