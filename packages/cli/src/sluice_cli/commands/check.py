"""`sluice check`: does everything that the services need work from here?"""

from collections.abc import Iterator
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from sluice_core.errors import SluiceError

from sluice_cli.check import (
    Result,
    Service,
    State,
    check_bucket,
    check_queues,
    check_settings,
    check_source,
)
from sluice_cli.check.result import failed, skipped
from sluice_cli.check.services import installed, unless_elsewhere
from sluice_cli.target import Target

app = typer.Typer(add_completion=False)

_MARKS: Final = {State.OK: "✓", State.WARNING: "!", State.FAILED: "✗", State.SKIPPED: "–"}
_COLOURS: Final = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.FAILED: "red",
    State.SKIPPED: "dim",
}


@app.command()
def main(
    service: Annotated[
        list[Service] | None,
        typer.Option(
            help="A service to look at (again for another): its settings, and what it asks of the queue. "
            "Default: all whose settings are here."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for the source's first event.")
    ] = 10.0,
    source: Annotated[bool, typer.Option("--source/--no-source", help="Try the source.")] = True,
    aws: Annotated[
        bool, typer.Option("--aws/--no-aws", help="Try the queues and the bucket.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Try settings, queues, permissions, bucket and source; says what to do about a failure.

    Nothing is changed but for a probe object under `_sluice/check/`, which is removed with all its versions.
    Exit code 1 when anything failed (a warning does not), 2 without credentials.
    """
    console = Console()
    results: list[Result] = []
    for result in _all(service or [], timeout, source=source, aws=aws):
        results.append(result)
        if not json:
            _show(result, console)
    good = all(result.state is not State.FAILED for result in results)
    if json:
        report = {"ok": good, "checks": [result.to_dict() for result in results]}
        typer.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    if not good:
        raise typer.Exit(max(result.code for result in results if result.state is State.FAILED))


def _all(asked: list[Service], timeout: float, *, source: bool, aws: bool) -> Iterator[Result]:
    producer = None
    among, looked_at = installed(), []
    for service in asked or among:
        result, values = check_settings(service.module)
        if result.state is State.FAILED and not asked:
            result = unless_elsewhere(service, result, among)
        if result.state is not State.SKIPPED:
            looked_at.append(service)
        producer = values if service is Service.PRODUCER else producer
        yield result
    if aws:
        yield from _aws(looked_at)
    if source and Service.PRODUCER not in looked_at:
        yield skipped("source", "it is the producer's")
    elif source and producer is None:
        yield skipped("source", "the producer's settings must be right first")
    elif source and producer is not None:
        yield from check_source(producer, timeout)


def _aws(services: list[Service]) -> Iterator[Result]:
    try:
        target = Target.of_environment()
    except SluiceError as error:
        yield failed("AWS", str(error), "set the variable as the rule says")
        return
    if services == [Service.COMPACTOR]:
        yield skipped("queue", "the compactor asks for none")
    else:
        yield from check_queues(target, services)
    yield from check_bucket(target.bucket)


def _show(result: Result, console: Console) -> None:
    colour = _COLOURS[result.state]
    detail = f"  {result.detail}" if result.detail else ""
    console.print(f"[{colour}]{_MARKS[result.state]}[/] ", end="")
    console.print(result.name + detail, markup=False, highlight=False, soft_wrap=True)
    if result.advice:
        console.print(f"  → {result.advice}", markup=False, highlight=False, soft_wrap=True)
