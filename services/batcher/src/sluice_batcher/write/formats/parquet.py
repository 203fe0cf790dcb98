"""Parquet: Arrow's schema, so every object of a column set has the same types, whatever its rows held."""

import io
from typing import ClassVar

import pyarrow as pa
from pyarrow import parquet

from sluice_batcher.write.compress import Compression


class ParquetFormat:
    """See the module. Compression is inside the file, page by page, so the name does not tell it."""

    default_compression: ClassVar[Compression] = Compression.ZSTD

    def __init__(self, compression: Compression, level: int | None = None) -> None:
        self._compression = compression
        self._level = level
        self.extension = "parquet"
        self.content_type = "application/vnd.apache.parquet"

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        sink = io.BytesIO()
        parquet.write_table(
            table, sink, compression=self._compression.value, compression_level=self._level
        )
        return sink.getvalue()
