"""The `sluice` command: one module a command under `sluice_cli.commands`, loaded when it runs.

pandas, pyarrow and boto3 take most of a second to import; `sluice --help` needs none of them, so the listing comes
from a table of one line per command.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, ClassVar

import typer
from sluice_core.version import __version__
from typer.core import TyperCommand, TyperGroup


class LazyGroup(TyperGroup):
    """A typer group whose commands stand in `table`: name → (module, one line of help)."""

    table: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """A stand-in that knows its line of help and loads the real command when called."""
        entry = self.table.get(cmd_name)
        return None if entry is None else _Deferred(cmd_name, *entry)


class _Deferred(TyperCommand):
    def __init__(self, name: str, module: str, summary: str) -> None:
        super().__init__(name, help=summary, short_help=summary)
        self._module = module

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        app: typer.Typer = import_module(self._module).app
        command = typer.main.get_command(app)
        command.name = self.name
        return command.make_context(info_name, args, parent=parent, **extra)


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
