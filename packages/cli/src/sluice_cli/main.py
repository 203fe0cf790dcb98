"""The `sluice` command: one module a command under `sluice_cli.commands`, loaded when it runs."""

from typing import Annotated, ClassVar

import typer
from sluice_core.version import __version__

from sluice_cli.lazy import LazyGroup


class _Commands(LazyGroup):
    table: ClassVar = {
        "run": (
            "sluice_local.commands.run",
            "Run the whole pipeline on this machine: a stream into files, with nothing to install.",
        ),
        "verify": (
            "sluice_cli.commands.verify",
            "Account for every event: lost, duplicated, dead-lettered, pending; fails on any loss.",
        ),
        "read": (
            "sluice_cli.commands.read",
            "Show the rows that were written, or convert them to CSV, JSON lines or Parquet.",
        ),
        "compact": (
            "sluice_cli.commands.compact",
            "Raw objects into one Iceberg table that holds each event exactly once.",
        ),
        "lake": (
            "sluice_cli.commands.lake",
            "Forget rows of that table for good.",
        ),
        "dlq": (
            "sluice_cli.commands.dlq",
            "Look into the dead-letter queue, and send messages back.",
        ),
        "check": (
            "sluice_cli.commands.check",
            "Try settings, queue, bucket, permissions and source; says what to do about a failure.",
        ),
        "generate": (
            "sluice_local.commands.generate",
            "Write generated recent changes to a file, one JSON object a line.",
        ),
        "serve-events": (
            "sluice_local.commands.serve_events",
            "Serve generated recent changes as an SSE stream that speaks EventStreams' protocol.",
        ),
    }


app = typer.Typer(
    cls=_Commands,
    name="sluice",
    help="Server-Sent Events through SQS into batched files in S3, losing nothing on the way.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sluice {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_tell_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Server-Sent Events through SQS into batched files in S3, losing nothing on the way."""


if __name__ == "__main__":
    app()
