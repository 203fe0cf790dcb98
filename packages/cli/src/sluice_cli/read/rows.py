"""Rows for people, and rows into another file."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text
from sluice_core.errors import ConfigError, os_reason
from sluice_core.lake.csv_text import encode_csv

from sluice_cli.output import counted

Format = Literal["csv", "jsonl", "parquet"]

_WIDEST: Final = 40
_LEAST: Final = 10
"""Characters of a long text that still tell something."""
_BETWEEN: Final = 3
"""Characters between two columns: a space, a line, a space."""


def as_table(rows: pa.Table, *, width: int) -> Table:
    """A table of `rows` that is `width` characters wide at most; missing values are empty, long ones cut.

    What is left of it is said below: a column that would have no room for its name and a few characters is
    dropped, and those after it, rather than squeezed.
    """
    cells = {
        name: [_cell(value) for value in rows.column(index).to_pylist()]
        for index, name in enumerate(rows.column_names)
    }
    widths = _fitting(cells, width)
    table = Table(show_edge=False, pad_edge=False)
    for name, size in widths.items():
        number = pa.types.is_integer(rows.schema.field(name).type)
        table.add_column(
            Text(name),
            justify="right" if number else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=size,
        )
    for row in zip(*(cells[name] for name in widths), strict=True):
        table.add_row(*row)
    left_out = len(cells) - len(widths)
    if left_out:
        table.caption = f"{counted(left_out, 'more column')}: --columns, or a wider terminal"
    return table


def _fitting(cells: dict[str, list[Text]], width: int) -> dict[str, int]:
    """The first columns that fit into `width`, each with the characters that it gets."""
    wanted = {
        name: min(_WIDEST, max(cell_len(name), *(cell.cell_len for cell in column), 1))
        for name, column in cells.items()
    }
    sizes: dict[str, int] = {}
    left = width + _BETWEEN
    for name, most in wanted.items():
        least = min(most, max(cell_len(name), _LEAST))
        if sizes and least + _BETWEEN > left:
            break
        sizes[name] = min(least, width)
        left -= sizes[name] + _BETWEEN
    # What is left over goes round, a character at a time, among those that are cut.
    while left > 0 and (cut := [name for name in sizes if sizes[name] < wanted[name]]):
        for name in cut[:left]:
            sizes[name] += 1
            left -= 1
    return sizes


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
        raise ConfigError(f"cannot write {path}: {os_reason(error)}") from error


def _csv(rows: pa.Table, path: Path) -> None:
    path.write_bytes(encode_csv(rows))


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
