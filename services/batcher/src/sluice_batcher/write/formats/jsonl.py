"""JSON lines: one object a line with every column in order, null where nothing is.

Where there are no columns, it is each event as it came.

Times are ISO 8601 in UTC (`2026-11-23T14:00:00Z`); JSON columns stay text, as in the other formats, so that
a column has one type whatever its events held.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from sluice_batcher.rows.lines import EVENTS, lines_of
from sluice_batcher.write.compress import Compression, compressor
from sluice_batcher.write.formats.model import (
    text_content_type,
    text_extension,
)


class JsonLinesFormat:
    """See the module."""

    default_compression: ClassVar[Compression] = Compression.NONE

    def __init__(self, compression: Compression, level: int | None = None) -> None:
        self._compress = compressor(compression, level)
        self._encoder = msgspec.json.Encoder()
        self.extension = text_extension("jsonl", compression)
        self.content_type = text_content_type("application/x-ndjson", compression)

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        if table.schema == EVENTS:
            return self._compress(lines_of(table))
        names = table.column_names
        columns: list[Sequence[Any]] = [column.to_pylist() for column in table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return self._compress(self._encoder.encode_lines(rows))
