"""Sluice's objects back as a pandas DataFrame, from S3 or from a directory.

Format and compression follow from each object's name (`.csv`, `.jsonl`, `.parquet`; `.gz`, `.zst`); other
objects are not Sluice's and are passed over, and so are names that begin with `_` or `.`, as engines do. Needs the `read` extra (pandas, pyarrow).
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import zstandard

from sluice_core.aws import clients
from sluice_core.aws.s3 import Bucket, BucketLike
from sluice_core.errors import NoColumnError, PermanentError
from sluice_core.keys import WAREHOUSE
from sluice_core.lake.arrow import Array
from sluice_core.lake.column_types import ARROW_TYPES
from sluice_core.lake.folder import own_files
from sluice_core.lake.tables import ARROW_ERRORS, as_text, narrowed, together
from sluice_core.settings import CommonSettings, load_settings

_FORMATS: Final = (".csv", ".jsonl", ".parquet")

MAX_OBJECT_BYTES: Final = 2**31
"""What one object may unpack to."""

_HALF_PAIR: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
_EXACT_FROM: Final = 2**63
"""orjson makes a float of an integer beyond 64 bits."""


@dataclass(frozen=True)
class DataObject:
    """One object below the prefix: its key or path there, its size in bytes, and how to read it.

    `load` gives the bytes and the object's user metadata (of a file, what the folder of a run tells of it).
    """

    name: str
    size: int
    load: Callable[[], tuple[bytes, Mapping[str, str]]]


def parts(where: str | Path, *, bucket: BucketLike | None = None) -> Iterator[DataObject]:
    """The data objects under `where`: `s3://bucket/prefix` or a directory, in the order of their names.

    Raw objects only: the lake's table beside them, and earlier runs in the folder of a run, are passed over.
    Raises PermanentError when a directory does not exist or holds several runs; a bucket's errors as in
    `sluice_core.aws.s3`.
    """
    text = str(where)
    if text.startswith("s3://"):
        name, _, prefix = text.removeprefix("s3://").partition("/")
        yield from _parts_of_bucket(bucket or _bucket(name), prefix.strip("/"))
        return
    root = Path(where)
    if not root.exists():
        raise PermanentError(f"{text} does not exist: name a directory or s3://bucket/prefix")
    for name, path, metadata in [(root.name, root, {})] if root.is_file() else own_files(root):
        if is_data(name):
            yield DataObject(name, path.stat().st_size, partial(_load_file, path, metadata))


def read_batches(
    where: str | Path,
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, str] | None = None,
    limit: int | None = None,
    bucket: BucketLike | None = None,
) -> pd.DataFrame:
    """The rows of all objects under `where`, object by object in the order of their names.

    `where`: `s3://bucket/prefix` (AWS settings from the environment) or a directory, such as the folder of a run, of
    which only the run's own rows are read. `columns`: only these.
    `types`: for CSV, column → int64, float64, bool, string, json or timestamp. `limit`: at most so many rows.

    Columns have pandas's nullable types (Int64, Float64, boolean, string), so that a missing value leaves its
    neighbours as they are. Text of Parquet and JSON lines stays text. CSV knows no types: a column that
    `types` does not name is integer or boolean where every value in every CSV object is written as one and
    would be written so again (never `0012`, `+5`, `1e3`), and text otherwise. Text that looks like a missing
    value ("NA", "null") stays text; an empty unquoted CSV field is missing.
    Raises PermanentError when `where` or a column does not exist, or an object cannot be read.
    """
    table = read_arrow(where, columns=columns, types=types, limit=limit, bucket=bucket)
    return table.to_pandas(types_mapper=_nullable)


def read_arrow(
    where: str | Path,
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, str] | None = None,
    limit: int | None = None,
    bucket: BucketLike | None = None,
) -> pa.Table:
    """Like `read_batches`, as an Arrow table: missing integers stay missing integers."""
    tables: list[pa.Table] = []
    csv: list[bool] = []
    rows = 0
    for part in parts(where, bucket=bucket):
        tables.append(read_table(part.name, part.load()[0], columns=columns, types=types))
        csv.append(".csv" in part.name.lower().rpartition("/")[2])
        rows += tables[-1].num_rows
        if limit is not None and rows >= limit:
            break
    if not tables:
        return pa.table({name: pa.array([], pa.string()) for name in columns or ()})
    if not types:
        tables = narrowed(tables, csv)
    table = together(tables)
    return table if limit is None else table.slice(0, limit)


def read_table(
    name: str,
    body: bytes,
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, str] | None = None,
) -> pa.Table:
    """One object's rows as an Arrow table; its name tells format and compression.

    CSV columns without a type in `types` are text; of Parquet and CSV only `columns` are decoded.
    Raises PermanentError naming the object, also when it has no such column.
    """
    try:
        stem, body = _unpacked(name, body)
        if stem.endswith(".parquet"):
            file = pa.parquet.ParquetFile(pa.BufferReader(body))
            _must_have(name, file.schema_arrow.names, columns)
            return file.read(columns=None if columns is None else list(columns))
        if stem.endswith(".csv"):
            return _csv(name, body, columns, types or {})
        if stem.endswith(".jsonl"):
            table = _jsonl(body)
            _must_have(name, table.column_names, columns)
            return table if columns is None else table.select(list(columns))
    except (*ARROW_ERRORS, OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise PermanentError(f"{name} cannot be read: {error}") from error
    except orjson.JSONDecodeError as error:
        raise PermanentError(f"{name} cannot be read: a line is not JSON: {error}") from error
    raise PermanentError(f"{name}: not a format that Sluice writes (csv, jsonl, parquet; gz, zst)")


def raw_lines(name: str, body: bytes) -> list[bytes]:
    """The lines of one object of JSON lines; raises PermanentError naming the object."""
    try:
        stem, body = _unpacked(name, body)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise PermanentError(f"{name} cannot be read: {error}") from error
    if not stem.endswith(".jsonl"):
        raise PermanentError(f"{name}: events as they came are JSON lines")
    return [line for line in body.split(b"\n") if line]


def _unpacked(name: str, body: bytes) -> tuple[str, bytes]:
    """The name in lower case without its ending of a compression, and what that holds."""
    stem = name.lower()
    if stem.endswith(".gz"):
        return stem[:-3], gzip.decompress(body)
    if stem.endswith(".zst"):
        with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as stream:
            return stem[:-4], stream.read(MAX_OBJECT_BYTES)
    return stem, body


def _must_have(name: str, there: Sequence[str], columns: Sequence[str] | None) -> None:
    for column in columns or ():
        if column not in there:
            raise NoColumnError(f"{name} has no column {column!r}; it has {', '.join(there)}")


def _csv(
    name: str, body: bytes, columns: Sequence[str] | None, types: Mapping[str, str]
) -> pa.Table:
    header = body.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r").replace('"', "")
    there = header.split(",") if header else []
    _must_have(name, there, columns)
    return pa.csv.read_csv(
        io.BytesIO(body),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=max(len(body), 1)),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(columns or ()),
            column_types={column: ARROW_TYPES[types.get(column, "string")] for column in there},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _jsonl(body: bytes) -> pa.Table:
    # orjson rather than pyarrow's reader, which turns text that looks like a date into a timestamp.
    rows = [_row(line) for line in body.split(b"\n") if line]
    if not all(isinstance(row, dict) for row in rows):
        raise pa.ArrowInvalid("a line is no JSON object")
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _row(line: bytes) -> Any:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        # An event as it came may hold the escape of half a surrogate pair, which is JSON and no UTF-8.
        mended = _HALF_PAIR.sub(_mend, line)
        if mended == line:
            raise
        row = orjson.loads(mended)
    if isinstance(row, dict) and any(
        isinstance(value, float) and abs(value) >= _EXACT_FROM for value in row.values()
    ):
        return json.loads(line)
    return row


def _mend(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


def _column(values: list[Any]) -> Array:
    column: Array
    try:
        column = pa.array(values)
    except ARROW_ERRORS:
        # A user's own column may mix types, and so may an event's field: then every value is its JSON text.
        column = pa.array([as_text(value) for value in values], pa.string())
    return column


def _nullable(kind: pa.DataType) -> Any:
    """pandas's type, which knows a missing value, for Arrow's; None: Arrow's own choice."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        name = str(kind)
        name = {"float": "Float32", "double": "Float64", "halffloat": "Float32"}.get(
            name, name.replace("int", "Int").replace("uInt", "UInt")
        )
        nullable: Any = pd.api.types.pandas_dtype(name)
        return nullable
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    return pd.StringDtype() if pa.types.is_string(kind) else None


def is_data(name: str) -> bool:
    """Whether a name below the prefix is one that Sluice gives to data, and none that engines skip."""
    hidden = any(part.startswith(("_", ".")) for part in name.split("/"))
    return not hidden and name.lower().removesuffix(".gz").removesuffix(".zst").endswith(_FORMATS)


def _parts_of_bucket(bucket: BucketLike, prefix: str) -> Iterator[DataObject]:
    start = f"{prefix}/" if prefix else ""
    for stored in bucket.list(start):
        name = stored.key[len(start) :]
        in_a_table = not start and name.startswith(f"{WAREHOUSE}/")
        if is_data(name) and not in_a_table:
            yield DataObject(name, stored.size, partial(_load_object, bucket, stored.key))


def _load_file(path: Path, metadata: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    return path.read_bytes(), metadata


def _load_object(bucket: BucketLike, key: str) -> tuple[bytes, Mapping[str, str]]:
    found = bucket.get(key)
    return found.body, found.metadata


def _bucket(name: str) -> Bucket:
    return Bucket(clients(load_settings(CommonSettings)), name)
