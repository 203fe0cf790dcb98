"""`sluice compact`: raw objects into the lake's table, each event exactly once."""

from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from sluice_core.errors import ConfigError
from sluice_core.exit_codes import FAILED
from sluice_core.settings.quantities import format_bytes, parse_seconds, write_seconds

from sluice_cli.lake.installed import work_module
from sluice_cli.output import counted, told

app = typer.Typer(add_completion=False)

_NAMED: Final = 20


@app.command()
def main(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="A folder in a bucket's place, such as sluice-data; default: SLUICE_BUCKET."
        ),
    ] = None,
    *,
    status: Annotated[
        bool, typer.Option("--status", help="Only tell how things are; nothing is changed.")
    ] = False,
    settle: Annotated[
        str | None,
        typer.Option(help="How long an object is left alone; default: SLUICE_LAKE_SETTLE (15m)."),
    ] = None,
    keep_raw: Annotated[
        bool | None,
        typer.Option("--keep-raw/--delete-raw", help="Default: SLUICE_LAKE_KEEP_RAW (delete)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """One pass: raw objects into the lake's Iceberg table, each event once; then they are deleted.

    Safe at any time, beside other compactors, and to be cut off. Exit code 1 when a day has to wait for the next
    pass. What does not fit the table is left where it is and named (`--status`).
    """
    with told():
        try:
            seconds = None if settle is None else parse_seconds(settle)
        except ValueError as error:
            raise ConfigError(f"--settle {settle!r}: {error}") from None
        work = work_module()
        settings = work.settings_from(seconds, keep_raw=keep_raw)
        if status:
            _tell_state(work.state(settings, folder), settings.lake_table, json=json)
            return
        report = work.compact(settings, folder)
    found = {
        "rows_in": report.rows_in,
        "rows_out": report.rows_out,
        "duplicates": report.rows_in - report.rows_out,
        "raw_objects_deleted": report.deleted,
        "young": report.listing.young,
        "lost_races": report.lost_races,
        "set_aside": report.set_aside,
        "failures": {str(day): why for day, why in report.failures.items()},
        "not_pushed": report.not_pushed,
    }
    if json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        _tell(found, settings.lake_table)
    if report.failures:
        raise typer.Exit(FAILED)


def _tell(found: dict[str, Any], table: str) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"{counted(found['rows_out'], 'new row')} in table {table}, of {counted(found['rows_in'], 'row')} read "
        f"({counted(found['duplicates'], 'duplicate')} left out); "
        f"{counted(found['raw_objects_deleted'], 'raw object')} deleted"
    )
    if found["young"]:
        console.print(
            f"{counted(found['young'], 'object')} left alone for now: too young (--settle)"
        )
    _tell_set_aside(console, found["set_aside"])
    for day, why in found["failures"].items():
        console.print(f"{day} has to wait for the next pass: {why}")
    if found["not_pushed"]:
        console.print(f"the Pushgateway has not taken the metrics: {found['not_pushed']}")


def _tell_state(state: Any, table: str, *, json: bool) -> None:
    listing, last = state.listing, state.last
    if json:
        found = {
            "table": state.table,
            "raw_objects": listing.count,
            "raw_bytes": listing.size,
            "young": listing.young,
            "dirty_days": [str(day) for day in listing.days],
            "set_aside": state.set_aside,
            "last_pass": None if last is None else last.to_dict(),
        }
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if state.table is None:
        console.print(f"table {table}: there is none yet")
    else:
        rows, files = (
            counted(state.table["rows"], "row"),
            counted(state.table["files"], "data file"),
        )
        console.print(f"table {table}: {rows} in {files}, {format_bytes(state.table['bytes'])}")
    console.print(
        f"raw: {counted(listing.count, 'object')}, {format_bytes(listing.size)}; {listing.young:,} too young, "
        f"{counted(len(listing.days), 'day')} to compact"
    )
    if last is not None:
        console.print(
            f"the last pass took {write_seconds(round(last.seconds, 1))} and brought "
            f"{counted(last.rows_out, 'new row')}"
        )
        for day, why in last.failures.items():
            console.print(f"it left {day}: {why}")
    _tell_set_aside(console, state.set_aside)


def _tell_set_aside(console: Console, set_aside: dict[str, str]) -> None:
    for key, why in list(set_aside.items())[:_NAMED]:
        console.print(f"set aside: {key}: {why}")
    if len(set_aside) > _NAMED:
        console.print(f"… and {counted(len(set_aside) - _NAMED, 'more object')} (--json names all)")
