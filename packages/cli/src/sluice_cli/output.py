"""What a command says to people: numbers with their nouns, and one line with an exit code when it cannot do its work.

The codes are the same for all commands, and stand in docs/reference/exit-codes.md.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from sluice_core.errors import (
    MissingResourceError,
    SluiceError,
    TemporaryError,
    exit_code,
    os_reason,
)
from sluice_core.exit_codes import FAILED


@contextmanager
def told(code: int = FAILED) -> Iterator[None]:
    """Ends the command with `code` (2 for a wrong setting) and one line when Sluice's own errors escape, or
    the machine's."""
    try:
        yield
    except SluiceError as error:
        typer.echo(f"sluice: {error}{_advice(error)}", err=True)
        raise typer.Exit(max(code, exit_code(error))) from error
    except OSError as error:
        if (
            error.errno == errno.EPIPE
        ):  # the reader of our output has seen enough; typer ends quietly
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        typer.echo(f"sluice: {where}{os_reason(error)}", err=True)
        raise typer.Exit(code) from error


def _advice(error: SluiceError) -> str:
    if isinstance(error, MissingResourceError):
        return "; check SLUICE_QUEUE, SLUICE_DLQ, SLUICE_BUCKET and AWS_ENDPOINT_URL, or run `sluice check`"
    if isinstance(error, TemporaryError):
        return "; is AWS_ENDPOINT_URL right, and does it answer? `sluice check` tells more"
    return ""


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 dead letter`, `2,000 dead letters`; `many` when an s is not enough: `counted(n, "dead letter is", "dead letters are")`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
