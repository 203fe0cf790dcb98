"""`sluice lake`: what is done to the table on purpose."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from sluice_cli.lake.installed import work_module
from sluice_cli.output import counted, told

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def _lake() -> None:
    """What is done to the lake's table on purpose."""


@app.command("forget")
def forget(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder in a bucket's place; default: SLUICE_BUCKET."),
    ] = None,
    *,
    where: Annotated[
        str, typer.Option(help="Which rows, such as: user = 'Ada' or event_id in ('1', '2').")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without: only tell.")] = False,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge",
            help="Then expire all other snapshots, so that no file holds the rows. Readers at work may fail.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take rows out of the table for good: their ids are remembered as hashes, so that no late copy brings them back.

    What is still in raw objects is not looked at: `sluice compact --settle 0` first. Without `--purge` older
    snapshots hold the rows until they expire (SLUICE_LAKE_KEEP_SNAPSHOTS).
    """
    with told():
        work = work_module()
        settings = work.settings_from(None)
        found, expired = work.forget(settings, folder, where, do=yes, purge=purge)
    if json:
        told_of = {"rows": found.rows, "files": found.files, "done": found.done, "expired": expired}
        typer.echo(orjson.dumps(told_of, option=orjson.OPT_INDENT_2))
        return
    rows, files = counted(found.rows, "row"), counted(found.files, "data file")
    if found.done:
        after = f"; {counted(expired, 'snapshot')} expired" if purge else ""
        typer.echo(f"{rows} of {files} forgotten for good{after}")
    else:
        typer.echo(f"{rows} of {files} would be forgotten: --yes does it")
