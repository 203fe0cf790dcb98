"""CSV as `sluice_core.lake.csv_text` has it."""

from typing import ClassVar

import pyarrow as pa
from sluice_core.lake.csv_text import encode_csv

from sluice_batcher.write.compress import Compression, compressor
from sluice_batcher.write.formats.model import (
    text_content_type,
    text_extension,
)


class CsvFormat:
    """See `sluice_core.lake.csv_text`."""

    default_compression: ClassVar[Compression] = Compression.NONE

    def __init__(self, compression: Compression, level: int | None = None) -> None:
        self._compress = compressor(compression, level)
        self.extension = text_extension("csv", compression)
        self.content_type = text_content_type("text/csv; charset=utf-8", compression)

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        return self._compress(encode_csv(table))
