"""CSV as `sluice_core.lake.csv_text` has it."""

from typing import ClassVar

import pyarrow as pa
from sluice_core.lake.csv_text import encode_csv

from sluice_batcher.write.formats.model import (
    Compression,
    compress,
    text_content_type,
    text_extension,
)


class CsvFormat:
    """See `sluice_core.lake.csv_text`."""

    default_compression: ClassVar[Compression] = Compression.NONE

    def __init__(self, compression: Compression) -> None:
        self._compression = compression
        self.extension = text_extension("csv", compression)
        self.content_type = text_content_type("text/csv; charset=utf-8", compression)

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        return compress(encode_csv(table), self._compression)
