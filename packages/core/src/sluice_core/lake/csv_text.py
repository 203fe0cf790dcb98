"""CSV with a header: RFC 4180's quoting, UTF-8, lines ended by `\\n`. Needs the `read` extra (pyarrow).

One rule for all that writes CSV: the batcher's objects and `sluice read --to csv`.

Text is always quoted and a missing value never is, so that `""` (the source said: empty) and nothing (the
source said nothing) stay apart for engines that tell them apart, such as DuckDB and PostgreSQL.
`pandas.read_csv` does not: it reads both as NaN, as it does with its own files, and the text `NA` too,
unless `keep_default_na=False` is given.

Reads back equal to what `DataFrame.to_csv(index=False)` writes for the same rows, dtypes included; except
that a bare carriage return inside a text survives here, where pandas leaves it unquoted and then reads two
rows. For that, times and floats are written as pandas does, and so is a missing value that is alone in its
line: `""`, as readers pass over an empty line.
"""

import csv
import io
from typing import Final

import orjson
import pyarrow as pa
from pyarrow import csv as arrow_csv

from sluice_core.lake.arrow import Chunked, pc
from sluice_core.lake.column_types import TIMESTAMP

_OPTIONS: Final = arrow_csv.WriteOptions(include_header=False, batch_size=16_384)
_MICROS: Final = 1_000_000


def encode_csv(table: pa.Table) -> bytes:
    """The whole file, header included; lists and objects become JSON text, which CSV has not."""
    sink = io.BytesIO()
    sink.write(_header(table.column_names))
    arrow_csv.write_csv(_as_pandas_writes(table), sink, _OPTIONS)
    return sink.getvalue()


def _header(names: list[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()


def _as_pandas_writes(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, _times(column))
        elif pa.types.is_floating(field.type):
            table = table.set_column(index, field.name, _floats(column))
        elif pa.types.is_nested(field.type):
            table = table.set_column(index, field.name, _json(column))
    if table.num_columns == 1 and table.column(0).null_count:
        alone = pc.fill_null(table.column(0).cast(pa.string()), "")
        table = table.set_column(0, table.column_names[0], alone)
    return table


def _times(column: Chunked) -> Chunked:
    """`2026-11-23 14:00:00+00:00`, with as many decimals (0, 3, 6) as the column's finest value needs."""
    micros = column.cast(TIMESTAMP).cast(pa.int64())
    unit: pa.DataType = pa.timestamp("us")
    for coarser, size in ((pa.timestamp("ms"), 1000), (pa.timestamp("s"), _MICROS)):
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


def _json(column: Chunked) -> Chunked:
    texts = [
        None if v is None else orjson.dumps(v, default=str).decode() for v in column.to_pylist()
    ]
    return pa.chunked_array([pa.array(texts, pa.string())])
