"""`sluice serve-events`: the built-in SSE source as a server of its own."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from sluice_cli.output import counted, told
from sluice_core.errors import ConfigError, os_reason
from sluice_core.service.stop import Stop
from sluice_core.settings.quantities import parse_seconds

from sluice_local.sse import (
    EventLog,
    Faults,
    ServerOptions,
    SourceLedgerFile,
    SseServer,
    parse_fault,
)
from sluice_local.sse.position import BadPositionError, parse_time
from sluice_local.sse.sender import AtEnd

app = typer.Typer(add_completion=False)


@app.command("serve-events")
def serve_events(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on (:: in a pod).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 8088,
    rate: Annotated[
        float, typer.Option(min=0, help="Events a second; 0 is as fast as it goes.")
    ] = 40.0,
    events: Annotated[
        int | None, typer.Option(min=0, help="How many events there are; else without end.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 0,
    start: Annotated[
        str | None,
        typer.Option(help="Time of the first event (ISO 8601); else that of the first connection."),
    ] = None,
    span: Annotated[
        str | None, typer.Option(help="Event time from first to last event, such as 30h.")
    ] = None,
    dialect: Annotated[
        Literal["eventstreams", "generic", "anonymous"],
        typer.Option(help="As Wikimedia, with numbered ids, or without ids."),
    ] = "eventstreams",
    at_end: Annotated[
        AtEnd,
        typer.Option(help="After the last event: silence, an end, or an end and then 204."),
    ] = "hold",
    retention: Annotated[str, typer.Option(help="An older position is answered with 400.")] = "7d",
    max_connection: Annotated[
        str, typer.Option(help="A connection is cut after this time.")
    ] = "15m",
    fault: Annotated[
        list[str] | None,
        typer.Option(help="cut@K, mid@K, silence@K, STATUSxN, STATUSxN:SECONDS; may be repeated."),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Write each event's id here when it is first sent (NDJSON).")
    ] = None,
) -> None:
    """Serve generated recent changes as an SSE stream that speaks EventStreams' protocol."""
    with told():
        if span is not None and not events:
            raise ConfigError("--span needs --events")
        try:
            options = ServerOptions(
                dialect=dialect,
                retention=parse_seconds(retention),
                max_connection=parse_seconds(max_connection),
                at_end=at_end,
                faults=Faults(*map(parse_fault, fault or ())),
            )
            start_ms = parse_time(start) if start else None
            interval_ms = parse_seconds(span) * 1000 / events if span and events else None
        except (BadPositionError, ValueError) as error:
            raise ConfigError(str(error)) from error
        log = EventLog(
            seed,
            events,
            rate,
            start_ms=start_ms,
            interval_ms=interval_ms,
            ledger=_ledger(ledger) if ledger else None,
        )
        server = _listen(log, options, host, port)
    stop = Stop()
    stop.install_signal_handlers()
    with server:
        what = "endless events" if events is None else counted(events, "event")
        typer.echo(f"serving {what} at {server.url}")
        stop.event.wait()


def _ledger(path: Path) -> SourceLedgerFile:
    try:
        return SourceLedgerFile(path)
    except OSError as error:
        raise ConfigError(f"--ledger: cannot write {path}: {os_reason(error)}") from error


def _listen(log: EventLog, options: ServerOptions, host: str, port: int) -> SseServer:
    try:
        return SseServer(log, options, host, port)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {os_reason(error)}; choose another --port (0 takes a free one) or --host"
        ) from error
