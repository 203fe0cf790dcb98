"""What watches a run: a live panel on a terminal, a line every five seconds elsewhere, and a page beside it."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from sluice_cli.verify.verdict import Verdict
from sluice_core.settings.quantities import format_bytes

from sluice_local.resources import Resources
from sluice_local.run.phases import NO_SOURCE, RUNNING
from sluice_local.run.scrape import Snapshot
from sluice_local.run.table import Table as LakeTable

_LINE_EVERY: Final = 5.0


class View(Protocol):
    """Shows a run."""

    def show(self, snapshot: Snapshot, seconds: float, phase: str) -> None:
        """The state now, `seconds` after the start."""
        ...

    def say(self, line: str) -> None:
        """One line that stays."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None: ...


def view_for(console: Console, source: str) -> View:
    """The panel on a terminal, lines otherwise."""
    return PanelView(console, source) if console.is_terminal else LineView(console)


class LineView:
    """A line every five seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = _LINE_EVERY

    def show(self, snapshot: Snapshot, seconds: float, phase: str) -> None:
        """See `View`."""
        if seconds < self._next:
            return
        self._next = seconds + _LINE_EVERY
        shown = [f"{name} {value}" for name, value in facts(snapshot)]
        if phase != RUNNING:
            shown.append(phase)
        self.say(f"{seconds:4.0f} s  {' · '.join(shown)}")

    def say(self, line: str) -> None:
        """See `View`."""
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class PanelView:
    """A panel that is drawn again in its place."""

    def __init__(self, console: Console, source: str) -> None:
        self._source = source
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def show(self, snapshot: Snapshot, seconds: float, phase: str) -> None:
        """See `View`."""
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", style="dim")
        table.add_column(overflow="fold")
        for name, value in facts(snapshot):
            table.add_row(name, value)
        minutes, rest = divmod(int(seconds), 60)
        self._live.update(
            Panel(
                table,
                title=f"sluice · {self._source}",
                subtitle=f"{minutes}:{rest:02d} · {phase}",
                border_style="red" if phase == NO_SOURCE else "cyan",
                expand=True,
                width=min(90, self._console.width),
            )
        )

    def say(self, line: str) -> None:
        """See `View`."""
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def facts(now: Snapshot) -> list[tuple[str, str]]:
    """Name and value of each thing worth a look."""
    return [
        ("events", f"{now.received:,} ({now.rate:,.0f}/s)"),
        ("packs", f"{now.messages:,} ({format_bytes(now.message_bytes)})"),
        ("queue", _count(now.depth) + (f", dead {now.dead_letters:,}" if now.dead_letters else "")),
        ("rows", f"{now.rows:,}" + (f", left out {now.dropped:,}" if now.dropped else "")),
        ("objects", f"{now.objects:,} ({format_bytes(now.object_bytes)})"),
        ("lag", "–" if now.lag is None else f"{max(now.lag, 0):.1f} s"),
        ("newest", now.newest or "–"),
    ]


def _count(value: int | None) -> str:
    return "does not answer" if value is None else f"{value:,}"


class PageLike(Protocol):
    """What a run asks of its page."""

    def beside(self, view: View, source: str) -> View:
        """A view that shows on the page, too, what it is given; `source` is what people call the stream."""
        ...

    def reading(self, resources: Resources, prefix: str) -> AbstractContextManager[object]:
        """Meanwhile the page shows rows and dead letters; afterwards nobody else looks at queue and bucket."""
        ...

    def phase(self, name: str) -> None:
        """What the run does now, when no view tells it any more."""
        ...

    def account(self, verdict: Verdict, seconds: float) -> None:
        """What became of every event; a table may follow."""
        ...

    def table(self, made: LakeTable, data: Path) -> None:
        """What came of the table of the files in `data`."""
        ...


class NoPage:
    """`--no-page`."""

    def beside(self, view: View, source: str) -> View:
        """The view itself."""
        return view

    def reading(self, resources: Resources, prefix: str) -> AbstractContextManager[object]:
        """Reads nothing."""
        return nullcontext()

    def phase(self, name: str) -> None:
        """See `PageLike`."""

    def account(self, verdict: Verdict, seconds: float) -> None:
        """See `PageLike`."""

    def table(self, made: LakeTable, data: Path) -> None:
        """See `PageLike`."""
