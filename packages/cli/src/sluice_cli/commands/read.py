"""`sluice read`: the rows that were written."""

import sys
from pathlib import Path
from typing import Annotated, Final

import pyarrow as pa
import typer
from rich.console import Console
from sluice_core.errors import ConfigError, PermanentError
from sluice_core.lake.reader import read_arrow

from sluice_cli.lake.installed import lake_folder, no_table, table_module
from sluice_cli.output import counted, told
from sluice_cli.read.rows import Format, as_table, write

app = typer.Typer(add_completion=False)

DEFAULT: Final = "sluice-data"
_ROWS: Final = 10


@app.command()
def main(
    where: Annotated[
        str,
        typer.Argument(
            help="s3://bucket/prefix, a directory (of a run's folder only its own rows are read) or a file."
        ),
    ] = DEFAULT,
    *,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0, help="At most so many rows. Default: 10 on the screen, all into a file."
        ),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Only these columns, separated by commas.")
    ] = None,
    to: Annotated[Format | None, typer.Option(help="The format of the file that -o names.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write this file instead; its ending tells the format, unless --to does.",
        ),
    ] = None,
    lake: Annotated[
        bool,
        typer.Option(
            "--lake",
            help="The lake's table instead of the objects: of WHERE (a folder, or s3://bucket).",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite that file without asking.")
    ] = False,
) -> None:
    """Show the rows that were written, or convert them to CSV, JSON lines or Parquet.

    A CSV file is written as the batcher writes its own. Times are UTC. In Python: `sluice_core.read_batches(where)` gives a pandas DataFrame.
    """
    console = Console()
    with told():
        kind = _kind(to, output)
        names = [name.strip() for name in columns.split(",") if name.strip()] if columns else None
        _must_exist(where)
        if output is not None and not force:
            _may_overwrite(output)
        wanted = _ROWS if limit is None and kind is None else limit
        rows = (
            _table(where, names, wanted) if lake else read_arrow(where, columns=names, limit=wanted)
        )
        if kind is not None and output is not None:
            if not rows.column_names:
                raise PermanentError(f"{where} holds no rows: nothing was written")
            write(rows, output, kind)
            typer.echo(f"{counted(rows.num_rows, 'row')} written to {output}")
            return
    if not rows.column_names:
        typer.echo(f"{where} holds no rows yet")
        return
    typer.echo(f"{counted(rows.num_rows, 'row')} of {where}")
    console.print(as_table(rows, width=console.width))


def _table(where: str, columns: list[str] | None, limit: int | None) -> pa.Table:
    folder = None if where.startswith("s3://") else lake_folder(Path(where))
    if folder is None and not where.startswith("s3://"):
        raise no_table(where)
    rows: pa.Table = table_module().read_rows(where, folder, columns, limit)
    return rows


def _may_overwrite(output: Path) -> None:
    """Asks when somebody is there to answer; raises ConfigError otherwise."""
    if not output.is_file():
        return
    if not _somebody():
        raise ConfigError(f"{output} exists: --force overwrites it")
    typer.confirm(f"{output} exists. Overwrite it?", abort=True)


def _somebody() -> bool:
    return sys.stdin.isatty()


def _kind(to: Format | None, output: Path | None) -> Format | None:
    if output is None:
        if to is not None:
            raise ConfigError(f"--to {to} needs a file: -o rows.{to}")
        return None
    ending = output.suffix.removeprefix(".").lower()
    known: dict[str, Format] = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet"}
    kind = to or known.get(ending)
    if kind is None:
        raise ConfigError(f"-o {output}: say the format with --to csv, jsonl or parquet")
    return kind


def _must_exist(where: str) -> None:
    if where.startswith("s3://") or Path(where).exists():
        return
    if where == DEFAULT:
        raise ConfigError(
            f"there is no {DEFAULT} here: run `sluice run` first, or name a directory or s3://bucket/prefix"
        )
    raise ConfigError(f"{where} does not exist: name a directory, a file or s3://bucket/prefix")
