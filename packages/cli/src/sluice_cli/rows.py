"""Rows for people, and rows into another file."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.table import Table
from rich.text import Text
from sluice_core.errors import ConfigError

Format = Literal["csv", "jsonl", "parquet"]

_WIDEST: Final = 40


def as_table(rows: pa.Table, *, columns: int) -> Table:
    """A table of `rows` with the first `columns` columns; missing values are empty, long ones cut."""
    shown = rows.column_names[:columns]
    left_out = len(rows.column_names) - len(shown)
    table = Table(show_edge=False)
    for name in shown:
        number = pa.types.is_integer(rows.schema.field(name).type)
        table.add_column(
            Text(name),
            justify="right" if number else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=_WIDEST,
        )
    for row in rows.select(shown).to_pylist():
        table.add_row(*(_cell(value) for value in row.values()))
    if left_out:
        table.caption = f"{left_out} more columns: --columns, or a wider terminal"
    return table


def write(rows: pa.Table, path: Path, kind: Format) -> None:
    """Writes `rows` to `path`, which has either all of them or its former content.

    Raises ConfigError when it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        part = Path(name)
        try:
            _WRITERS[kind](rows, part)
            # mkstemp makes a private file; what was asked for is an ordinary one.
            part.chmod(0o666 & ~_umask())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error


def _csv(rows: pa.Table, path: Path) -> None:
    # CSV has no lists and no objects: those become JSON text, as in Sluice's own CSV.
    for index, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            texts = [None if v is None else _json(v) for v in rows.column(index).to_pylist()]
            rows = rows.set_column(index, field.name, pa.array(texts, pa.string()))
    if rows.num_columns == 1:
        # A missing value alone in its line would be an empty line, which readers pass over.
        only = rows.column(0)
        if only.null_count:
            texts = ["" if v is None else v for v in only.cast(pa.string()).to_pylist()]
            rows = pa.table({rows.column_names[0]: pa.array(texts)})
    pyarrow.csv.write_csv(rows, path)


def _jsonl(rows: pa.Table, path: Path) -> None:
    with path.open("wb") as file:
        for batch in rows.to_batches(max_chunksize=10_000):
            file.writelines(
                orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
                for row in batch.to_pylist()
            )


def _parquet(rows: pa.Table, path: Path) -> None:
    pyarrow.parquet.write_table(rows, path, compression="zstd")


_WRITERS: Final[dict[Format, Callable[[pa.Table, Path], None]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _cell(value: object) -> Text:
    text = "" if value is None else _json(value) if isinstance(value, dict | list) else str(value)
    # Control characters and line ends of an event must not steer the terminal.
    return Text("".join(c if c.isprintable() else " " for c in text))


def _json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()
