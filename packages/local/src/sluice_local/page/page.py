"""The page beside a run: what the run tells its view, the page tells the browser."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sluice_cli.verify.verdict import Verdict
from sluice_core.errors import ConfigError, os_reason

from sluice_local.page import ending, state
from sluice_local.page.newest import Reader, Seen
from sluice_local.page.server import Board, PageServer
from sluice_local.page.state import History
from sluice_local.page.text import shown
from sluice_local.resources import Resources
from sluice_local.run import phases, summary
from sluice_local.run.scrape import Snapshot
from sluice_local.run.table import Table
from sluice_local.run.view import View

_SAID: Final = 4
"""Lines that the page keeps of what the run said."""


class Page:
    """Serves from the start to the end of its context; leaving it shows the end to pages that are open.

    Raises ConfigError when `port` (0: a free one) is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self._board = Board()
        self._history = History()
        self._reader: Reader | None = None
        self._reasons: Mapping[str, int] = {}
        self._said: list[str] = []
        self._state: dict[str, Any] = {"seconds": 0, "source": "", "said": [], "ended": False}
        self._over: dict[str, Any] | None = None
        self._prefix = ""
        self.phase(phases.STARTING)
        try:
            self._server = PageServer(self._board, port)
        except OSError as error:
            raise ConfigError(
                f"cannot serve the page on 127.0.0.1:{port}: {os_reason(error)}; choose another --page-port "
                "(0 takes a free one), or --no-page"
            ) from error
        self.url = self._server.url

    def beside(self, view: View, source: str) -> View:
        """See `PageLike`."""
        self._write(source=shown(source))
        return _Both(view, self)

    @contextmanager
    def reading(self, resources: Resources, prefix: str) -> Iterator[None]:
        """See `PageLike`."""
        self._prefix = prefix
        try:
            with Reader(resources.bucket, resources.dlq, prefix) as self._reader:
                yield
        finally:
            # Leaving the reader has waited for the last objects and dead letters that it was pointed at.
            self._write(**self._seen())

    def show(self, now: Snapshot, seconds: float, phase: str) -> None:
        """One look at the pipeline."""
        self._history.add(now, seconds)
        self._reasons = now.dead_reasons
        if self._reader is not None:
            self._reader.look(next(iter(now.newest_objects), None), now.dead_letters or 0)
        self._state |= {
            "seconds": round(seconds, 1),
            "counts": state.counts(now),
            "series": self._history.series(),
            "files": state.files(now.newest_objects, self._prefix),
            **self._seen(),
        }
        self.phase(phase)

    def phase(self, name: str) -> None:
        """See `PageLike`."""
        self._write(phase=name, kind=state.kind(name))

    def say(self, line: str) -> None:
        """A line that the run told."""
        self._said = [*self._said, shown(line, 300)][-_SAID:]
        self._write(said=self._said)

    def account(self, verdict: Verdict, seconds: float) -> None:
        """See `PageLike`."""
        self._over = ending.account(verdict, seconds)
        # The services are gone, their last counts with them; the account knows what they came to.
        if "counts" in self._state:
            self._state["counts"] |= ending.final_counts(verdict)
        if verdict.dead_letters is not None:
            self._reasons = verdict.dead_letters.reasons
        self._write(over=self._over, **self._seen())

    def table(self, made: Table, data: Path) -> None:
        """See `PageLike`."""
        if self._over is not None:
            self._over = ending.with_table(self._over, made, data)
            self._write(over=self._over)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        over = self._over
        if error is not None or over is None:
            why = summary.reason(error) if error else "it ended without an account"
            over = ending.failure(why, over)
        self._state |= {
            "phase": phases.DONE if self._over and error is None else phases.FAILED,
            "kind": "good" if over["ok"] else "bad",
            "over": over,
            "ended": True,
        }
        self._board.write(self._state, last=True)
        self._server.close()

    def _write(self, **changed: Any) -> None:
        self._state |= changed
        self._board.write(self._state)

    def _seen(self) -> dict[str, Any]:
        seen = Seen() if self._reader is None else self._reader.seen
        return {"rows": state.rows(seen), "dead_letters": state.dead_letters(self._reasons, seen)}


class _Both:
    """A view and the page."""

    def __init__(self, view: View, page: Page) -> None:
        self._view = view
        self._page = page

    def show(self, snapshot: Snapshot, seconds: float, phase: str) -> None:
        """See `View`."""
        self._view.show(snapshot, seconds, phase)
        self._page.show(snapshot, seconds, phase)

    def say(self, line: str) -> None:
        """See `View`."""
        self._view.say(line)
        self._page.say(line)

    def __enter__(self) -> Self:
        self._view.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._view.__exit__(kind, error, tb)
