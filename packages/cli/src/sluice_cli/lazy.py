"""A command group that imports a command's module only when that command runs.

pandas, pyarrow and boto3 take most of a second to import; `sluice --help` needs none of them, so the
listing comes from a table of one line per command.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
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
