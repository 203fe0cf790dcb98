"""Sluice's objects back as a pandas DataFrame, from S3 or from a directory.

Format and compression follow from each object's name. Names below the prefix that begin with `_` or `.` are
skipped, as engines do. Needs the `read` extra (pandas, pyarrow).
"""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import zstandard

from sluice_core.aws import clients
from sluice_core.errors import PermanentError
from sluice_core.s3 import Bucket, BucketLike
from sluice_core.settings import CommonSettings, load_settings

MAX_OBJECT_BYTES: Final = 2**31
"""What one object may unpack to."""

_ARROW: Final[Mapping[str, pa.DataType]] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "json": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Part:
    """One object: its key or path below the prefix, its size in bytes, and a function that reads it."""

    name: str
    size: int
    load: Callable[[], bytes]


def parts(where: str | Path, *, bucket: BucketLike | None = None) -> Iterator[Part]:
    """The data objects under `where`: `s3://bucket/prefix` or a directory, in the order of their names."""
    text = str(where)
    if text.startswith("s3://"):
        name, _, prefix = text.removeprefix("s3://").partition("/")
        yield from _parts_of_bucket(bucket or _bucket(name), prefix.strip("/"))
        return
    root = Path(where)
    if not root.exists():
        raise PermanentError(f"{text} does not exist: name a directory or s3://bucket/prefix")
    files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    for path in files:
        name = path.name if root.is_file() else path.relative_to(root).as_posix()
        if _is_data(name):
            yield Part(name, path.stat().st_size, path.read_bytes)


def read_batches(
    where: str | Path,
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, str] | None = None,
    limit: int | None = None,
    bucket: BucketLike | None = None,
) -> pd.DataFrame:
    """The rows of all objects under `where`, object by object in the order of their names.

    `where`: `s3://bucket/prefix` (AWS settings from the environment) or a directory. `columns`: only these.
    `types`: for CSV, column → int64, float64, bool, string, json or timestamp; a column that is not named is
    integer or boolean where every value is, and text otherwise. `limit`: at most so many rows. Text that
    looks like a missing value ("NA", "null") stays text; an empty unquoted CSV field is missing.
    Raises PermanentError when `where` or a column does not exist, or an object cannot be read.
    """
    tables: list[pa.Table] = []
    rows = 0
    for part in parts(where, bucket=bucket):
        table = read_table(part.name, part.load(), types=types)
        if columns is not None:
            absent = [name for name in columns if name not in table.column_names]
            if absent:
                raise PermanentError(
                    f"{part.name} has no column {absent[0]!r}; it has {table.column_names}"
                )
            table = table.select(list(columns))
        tables.append(table)
        rows += table.num_rows
        if limit is not None and rows >= limit:
            break
    if not tables:
        return pd.DataFrame(columns=list(columns or []))
    table = pa.concat_tables(tables, promote_options="permissive")
    if not types:
        table = _narrow(table)
    return cast("pd.DataFrame", (table if limit is None else table.slice(0, limit)).to_pandas())


def read_table(name: str, body: bytes, *, types: Mapping[str, str] | None = None) -> pa.Table:
    """One object's rows as an Arrow table; its name tells format and compression.

    CSV columns without a type in `types` are text. Raises PermanentError naming the object.
    """
    stem = name.lower()
    try:
        if stem.endswith(".gz"):
            stem, body = stem[:-3], gzip.decompress(body)
        elif stem.endswith(".zst"):
            with zstandard.ZstdDecompressor().stream_reader(
                body, read_across_frames=True
            ) as stream:
                stem, body = stem[:-4], stream.read(MAX_OBJECT_BYTES)
        if stem.endswith(".parquet"):
            return pa.parquet.read_table(pa.BufferReader(body))
        if stem.endswith(".csv"):
            return _csv(body, types or {})
        if stem.endswith(".jsonl"):
            return _jsonl(body)
    except (pa.ArrowInvalid, OSError, zstandard.ZstdError, orjson.JSONDecodeError) as error:
        raise PermanentError(f"{name} cannot be read: {error}") from error
    raise PermanentError(f"{name}: not a format that Sluice writes (csv, jsonl, parquet; gz, zst)")


def _csv(body: bytes, types: Mapping[str, str]) -> pa.Table:
    header = (
        body.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r").replace('"', "").split(",")
    )
    return pa.csv.read_csv(
        pa.BufferReader(body),
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=max(len(body), 1)),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: _ARROW[types.get(name, "string")] for name in header},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _jsonl(body: bytes) -> pa.Table:
    # orjson rather than pyarrow's reader, which turns text that looks like a date into a timestamp.
    return pa.Table.from_pylist([orjson.loads(line) for line in body.split(b"\n") if line])


def _narrow(table: pa.Table) -> pa.Table:
    """Text columns that hold only integers or only true/false get that type (CSV knows none)."""
    for index, field in enumerate(table.schema):
        if field.type == pa.string() and field.name not in _TEXT:
            column = table.column(index)
            for target in (pa.int64(), pa.bool_()):
                try:
                    table = table.set_column(index, field.name, column.cast(target))
                except pa.ArrowInvalid:
                    continue
                break
    return table


_TEXT: Final = frozenset({"type", "title", "comment", "user", "event_id", "wiki"})
"""Columns of the built-in sets that are text, whatever their values look like."""


def _is_data(name: str) -> bool:
    return not any(part.startswith(("_", ".")) for part in name.split("/"))


def _parts_of_bucket(bucket: BucketLike, prefix: str) -> Iterator[Part]:
    start = f"{prefix}/" if prefix else ""
    for stored in bucket.list(start):
        name = stored.key[len(start) :]
        if _is_data(name):
            yield Part(name, stored.size, lambda key=stored.key: bucket.get(key).body)


def _bucket(name: str) -> Bucket:
    return Bucket(clients(load_settings(CommonSettings)), name)
