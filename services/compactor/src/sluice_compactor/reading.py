"""The table for those who only look: ids for an account, rows for people. Nothing is made or changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import FileScanTask, Table
from sluice_core.errors import NoColumnError
from sluice_core.lake.arrow import Array

from sluice_compactor.errors import told
from sluice_compactor.ids.known import read_file


@dataclass(frozen=True)
class TableFiles:
    """The data files of the table's present snapshot (None: there is none yet), `size` in bytes."""

    table: Table
    tasks: tuple[FileScanTask, ...]

    @classmethod
    def of(cls, table: Table) -> "TableFiles":
        """As the table was when it was loaded."""
        with told(f"plan a read of {'.'.join(table.name())}"):
            return cls(table, tuple(table.scan().plan_files()))

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(task.file.file_size_in_bytes for task in self.tasks)

    def column(self, name: str) -> Iterator[Array]:
        """One column of all rows, some at a time. Raises NoColumnError."""
        self._must_have([name])
        for task in self.tasks:
            for batch in read_file(self.table, task, [name]):
                yield batch.column(0)

    def rows(self, columns: Sequence[str] | None, limit: int | None) -> pa.Table:
        """Rows, `limit` at most, in the columns asked for. Raises NoColumnError."""
        names = list(columns or self.table.schema().column_names)
        self._must_have(names)
        found: list[pa.RecordBatch] = []
        count = 0
        for task in self.tasks:
            for batch in read_file(self.table, task, names):
                found.append(batch)
                count += len(batch)
                if limit is not None and count >= limit:
                    break
            if limit is not None and count >= limit:
                break
        schema = schema_to_pyarrow(self.table.schema().select(*names), include_field_ids=False)
        table = pa.Table.from_batches(found).cast(schema) if found else schema.empty_table()
        return table.select(names).slice(0, limit)

    def _must_have(self, names: Sequence[str]) -> None:
        there = self.table.schema().column_names
        for name in names:
            if name not in there:
                raise NoColumnError(f"the table has no column {name!r}; it has {', '.join(there)}")
