"""`sluice run`: everything on this machine, from a stream to files, and an account at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from sluice_cli.lake.installed import is_installed
from sluice_cli.verify.evidence import LEDGER, SOURCE
from sluice_core.errors import ConfigError, SluiceError
from sluice_core.service.stop import Stop
from sluice_core.settings import CommonSettings, load_settings
from sluice_core.settings.quantities import parse_seconds

from sluice_local.localstack import EnvironmentBuildError, LocalStackError
from sluice_local.page import Page
from sluice_local.run import account, phases, summary
from sluice_local.run.children import ChildDiedError
from sluice_local.run.lake_copy import INTERNAL
from sluice_local.run.options import RunOptions
from sluice_local.run.pipeline import LocalRun
from sluice_local.run.precheck import check_options
from sluice_local.run.table import make_table
from sluice_local.run.view import NoPage, PageLike

app = typer.Typer(add_completion=False)


@app.command()
def run(
    *,
    source: Annotated[
        str | None,
        typer.Option(
            help="An SSE URL, or built-in. Unset: Wikimedia, or built-in when out of reach."
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["csv", "jsonl", "parquet"] | None, typer.Option(help="Of the objects; else csv.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="article, recentchange, or a YAML file; else article.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Rows a batch; else 100.")] = None,
    rate: Annotated[
        float, typer.Option(min=0, help="Events a second of the built-in source; 0: no limit.")
    ] = 40.0,
    duration: Annotated[
        str | None, typer.Option(help="Stop after so long, such as 30s or 5m.")
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Stop after so many events.")] = None,
    seed: Annotated[int, typer.Option(help="Of the built-in source's events.")] = 0,
    data: Annotated[
        Path, typer.Option(help="Where the lake is kept; an earlier one there is moved aside.")
    ] = Path("sluice-data"),
    table: Annotated[
        bool,
        typer.Option("--table/--no-table", help="Make an Iceberg table of the files at the end."),
    ] = True,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="A page to look at, on this machine only.")
    ] = True,
    page_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the page; 0 takes a free one.")
    ] = 0,
) -> None:
    """Run the whole pipeline on this machine: a stream into files, with nothing to install."""
    try:
        limit = None if duration is None else parse_seconds(duration)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--duration") from None
    options = RunOptions(source, format, columns, rows, rate, events, limit, seed, data)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    stop = Stop()
    stop.install_signal_handlers()
    try:
        check_options(options)
        prefix = _prefix()
        with _page(console, page, page_port) as shown:
            pipeline = LocalRun(options, console, stop, prefix, shown)
            pipeline.execute()
            without = "; Ctrl-C leaves the table out" if table else ""
            _say(console, f"counting the events in the files{without}")
            code = _report(console, options, pipeline, data / prefix, shown)
            if table and code == 0:
                code = _table(console, data, prefix, stop, shown)
    except ConfigError as error:
        _say(console, f"sluice run: {error}")
        raise typer.Exit(2) from None
    except OSError as error:
        _say(console, f"sluice run: {summary.reason(error)}")
        raise typer.Exit(1) from None
    except (SluiceError, LocalStackError, EnvironmentBuildError) as error:
        _say(console, f"sluice run: {error}")
        raise typer.Exit(error.exit_code if isinstance(error, ChildDiedError) else 1) from None
    raise typer.Exit(code)


@contextmanager
def _page(console: Console, wanted: bool, port: int) -> Iterator[PageLike]:
    if not wanted:
        yield NoPage()
        return
    with Page(port) as page:
        console.print(f"a page to look at: {page.url}", soft_wrap=True, highlight=False)
        yield page


def _prefix() -> str:
    prefix = load_settings(CommonSettings).prefix
    if not prefix:
        raise ConfigError(
            "SLUICE_PREFIX='': run keeps earlier lakes beside the new one, so its rows need a prefix"
        )
    return prefix


def _table(console: Console, data: Path, prefix: str, stop: Stop, page: PageLike) -> int:
    if not is_installed():
        return 0
    _say(console, "\nmaking a table of them; Ctrl-C leaves it out")
    page.phase(phases.MAKING_TABLE)
    made = make_table(data, prefix, stop)
    page.table(made, data)
    for line in made.lines(data):
        _say(console, line)
    return made.exit_code


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def _report(
    console: Console, options: RunOptions, pipeline: LocalRun, lake: Path, page: PageLike
) -> int:
    page.phase(phases.ACCOUNTING)
    internal = options.data / INTERNAL
    verdict = account.account_of(
        internal / LEDGER,
        internal / SOURCE if pipeline.built_in else None,
        lake,
        pipeline.dead_letters,
        pipeline.dropped,
    )
    page.account(verdict, pipeline.seconds)
    summary.show(console, verdict, lake, pipeline.seconds)
    return summary.exit_code(verdict)
