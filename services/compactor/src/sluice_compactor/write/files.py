"""Data files: sorted row groups, closed when the file is large enough. Nobody sees them before the commit.

PyIceberg's own writer counts Arrow's bytes, which compress ten to one, and holds a whole file in memory. Here the
file's own size counts, and no more than one row group is in memory.
"""

import datetime
import uuid
from collections.abc import Sequence
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import parquet_file_to_data_file, schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from sluice_core.errors import SluiceError
from sluice_core.service.logs import get_logger

from sluice_compactor.errors import told
from sluice_compactor.table.definition import DAY, HOUR

_log = get_logger(__name__)
_CODEC: Final = "zstd"


class Writer:
    """Rows of one day into files of `target` compressed bytes; a row group holds about `chunk` Arrow bytes.

    Rows come in the table's columns (`schema`). A row group is sorted by hour, by time where a column tells it,
    and by id: a reader of an hour, or of an id, skips the others. `files` is complete after `finish`.
    """

    def __init__(
        self, table: Table, day: datetime.date, id_column: str, *, chunk: int, target: int
    ) -> None:
        self._table, self._day = table, day
        self._chunk, self._target = chunk, target
        self.schema = schema_to_pyarrow(table.schema(), include_field_ids=True)
        self._order = _order(self.schema, id_column)
        self._name = uuid.uuid4()
        self._pending: list[pa.Table] = []
        self._bytes = 0
        self._paths: list[str] = []
        self._stream: Any = None
        self._parquet: pq.ParquetWriter | None = None
        self.rows = 0
        self.files: list[DataFile] = []

    def add(self, rows: pa.Table) -> None:
        """Takes rows of the day."""
        if not len(rows):
            return
        self._pending.append(rows)
        self.rows += len(rows)
        self._bytes += rows.nbytes
        if self._bytes >= self._chunk:
            self._flush()

    def finish(self) -> list[DataFile]:
        """Closes the last file; gives what the table must know of each."""
        self._flush()
        self._close()
        with told(f"read the files of {self._day} back"):
            self.files = [
                parquet_file_to_data_file(self._table.io, self._table.metadata, path)
                for path in self._paths
            ]
        return self.files

    def discard(self) -> None:
        """Deletes the files. Only for what is known not to be in the table."""
        self._pending, self._bytes = [], 0
        try:
            self._close()
        except SluiceError as error:
            _log.warning("a file that nobody names stays for now", why=str(error))
        delete(self._table, self._paths)

    def _flush(self) -> None:
        if not self._pending:
            return
        rows = pa.concat_tables(self._pending)
        self._pending, self._bytes = [], 0
        rows = rows.sort_by([*self._order])
        with told(f"write a file of {self._day}"):
            self._open().write_table(rows, row_group_size=len(rows))
            if self._stream.tell() >= self._target:
                self._close()

    def _open(self) -> pq.ParquetWriter:
        if self._parquet is None:
            path = f"{self._table.location()}/data/{DAY}={self._day}/{self._name}-{len(self._paths)}.parquet"
            self._paths.append(path)
            self._stream = self._table.io.new_output(path).create()
            self._parquet = pq.ParquetWriter(self._stream, self.schema, compression=_CODEC)
        return self._parquet

    def _close(self) -> None:
        if self._parquet is not None:
            with told(f"close {self._paths[-1]}"):
                self._parquet.close()
                self._stream.close()
            self._parquet = None


def delete(table: Table, paths: Sequence[str]) -> None:
    """Deletes files that no snapshot names; what stays is swept when it is old enough."""
    for path in paths:
        try:
            with told(f"delete {path}"):
                table.io.delete(path)
        except SluiceError as error:
            _log.warning("a file that nobody names stays for now", file=path, why=str(error))


def _order(schema: pa.Schema, id_column: str) -> list[tuple[str, Literal["ascending"]]]:
    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    if not times and "timestamp" in schema.names:
        times = ["timestamp"]
    return [(name, "ascending") for name in dict.fromkeys([HOUR, *times[:1], id_column])]
