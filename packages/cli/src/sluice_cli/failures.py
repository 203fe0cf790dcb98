"""How a command ends when it cannot do its work: one line that says what to do, and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from sluice_core.errors import ConfigError, MissingResourceError, SluiceError, TemporaryError

CONFIGURATION: Final = 2


@contextmanager
def told(code: int = 1) -> Iterator[None]:
    """Ends the command with `code` (2 for a wrong setting) and one line when Sluice's own errors escape."""
    try:
        yield
    except SluiceError as error:
        typer.echo(f"sluice: {error}{_advice(error)}", err=True)
        raise typer.Exit(CONFIGURATION if isinstance(error, ConfigError) else code) from error


def _advice(error: SluiceError) -> str:
    if isinstance(error, MissingResourceError):
        return "; check SLUICE_QUEUE, SLUICE_DLQ, SLUICE_BUCKET and AWS_ENDPOINT_URL, or run `sluice check`"
    if isinstance(error, TemporaryError):
        return "; is AWS_ENDPOINT_URL right, and does it answer? `sluice check` tells more"
    return ""
