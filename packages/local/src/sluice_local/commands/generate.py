"""`sluice generate`: generated events as NDJSON."""

import sys
import time
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from sluice_cli.output import told
from sluice_core.errors import ConfigError, PermanentError, os_reason

from sluice_local.events import EventStream
from sluice_local.sse.position import BadPositionError, parse_time

app = typer.Typer(add_completion=False)

_EACH = 1000


@app.command()
def generate(
    *,
    events: Annotated[int, typer.Option(min=0, help="How many events.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A file, which is overwritten; else stdout."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Time of the first event (ISO 8601); else now.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.001, help="Events a second of event time.")] = 40.0,
) -> None:
    """Write generated recent changes, one JSON object a line."""
    try:
        start_ms = parse_time(start) if start else round(time.time() * 1000)
    except BadPositionError:
        raise typer.BadParameter(
            f"{start!r} is not an ISO 8601 time", param_hint="--start"
        ) from None
    stream = EventStream(seed, start_ms, 1000 / rate)
    with told():
        if output is None:
            _write(stream, events, sys.stdout.buffer)
        else:
            _write_file(stream, events, output)


def _write_file(stream: EventStream, events: int, output: Path) -> None:
    try:
        file = output.open("wb")
    except OSError as error:
        raise ConfigError(f"cannot write {output}: {os_reason(error)}") from error
    try:
        with file:
            _write(stream, events, file)
    except OSError as error:
        raise PermanentError(
            f"cannot write all of {output}: {os_reason(error)}; what it holds now is not whole"
        ) from error


def _write(stream: EventStream, events: int, file: BinaryIO) -> None:
    for low in range(0, events, _EACH):
        high = min(low + _EACH, events)
        file.write(b"".join(stream.event(n) + b"\n" for n in range(low, high)))
    file.flush()
