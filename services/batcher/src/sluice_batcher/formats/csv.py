"""CSV with a header: RFC 4180's quoting, UTF-8, lines ended by `\\n`.

Text is always quoted and a missing value never is, so that `""` (the source said: empty) and nothing (the
source said nothing) stay apart for engines that tell them apart, such as DuckDB and PostgreSQL.
`pandas.read_csv` does not: it reads both as NaN, as it does with its own files, and the text `NA` too,
unless `keep_default_na=False` is given.

Reads back equal to what `DataFrame.to_csv(index=False)` writes for the same rows, dtypes included; except
that a bare carriage return inside a text survives here, where pandas leaves it unquoted and then reads two
rows. For that, times and floats are written as pandas does.
"""

import csv
import io
from typing import ClassVar, Final

import pyarrow as pa
from pyarrow import csv as arrow_csv

from sluice_batcher.arrow import Chunked, pc
from sluice_batcher.formats.model import (
    Compression,
    compress,
    text_content_type,
    text_extension,
)
from sluice_batcher.times import MICROS

_OPTIONS: Final = arrow_csv.WriteOptions(include_header=False, batch_size=16_384)


class CsvFormat:
    """See the module."""

    default_compression: ClassVar[Compression] = Compression.NONE

    def __init__(self, compression: Compression) -> None:
        self._compression = compression
        self.extension = text_extension("csv", compression)
        self.content_type = text_content_type("text/csv; charset=utf-8", compression)

    def encode(self, table: pa.Table) -> bytes:
        """See `Format.encode`."""
        sink = io.BytesIO()
        sink.write(_header(table.column_names))
        arrow_csv.write_csv(_as_pandas_writes(table), sink, _OPTIONS)
        return compress(sink.getvalue(), self._compression)


def _header(names: list[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()


def _as_pandas_writes(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, _times(table.column(index)))
        elif pa.types.is_floating(field.type):
            table = table.set_column(index, field.name, _floats(table.column(index)))
    return table


def _times(column: Chunked) -> Chunked:
    """`2026-11-23 14:00:00+00:00`, with as many decimals (0, 3, 6) as the column's finest value needs."""
    micros = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    unit: pa.DataType = pa.timestamp("us")
    for coarser, size in ((pa.timestamp("ms"), 1000), (pa.timestamp("s"), MICROS)):
        if not _all_multiples(micros, size):
            break
        unit = coarser
    text = pc.cast(micros.cast(pa.timestamp("us")), unit).cast(pa.string())
    joined: Chunked = pc.binary_join_element_wise(text, "+00:00", "")
    return joined


def _all_multiples(numbers: Chunked, size: int) -> bool:
    whole = pc.multiply(pc.divide(numbers, pa.scalar(size)), pa.scalar(size))
    return pc.all(pc.equal(numbers, whole)).as_py() in (True, None)


def _floats(column: Chunked) -> Chunked:
    """As Python writes them: Arrow's `1` for 1.0 would be read back as an integer."""
    texts = [None if x is None or x != x else repr(x) for x in column.to_pylist()]  # noqa: PLR0124
    return pa.chunked_array([pa.array(texts, pa.string())])
