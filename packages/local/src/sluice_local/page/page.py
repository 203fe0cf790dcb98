"""The page beside a run: what the run tells its view, the page tells the browser."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Self

from sluice_cli.verify.verdict import Verdict
from sluice_core.errors import ConfigError, os_reason

from sluice_local.page import state
from sluice_local.page.newest import Reader, Seen
from sluice_local.page.server import Board, PageServer
from sluice_local.page.state import History
from sluice_local.page.text import shown
from sluice_local.resources import Resources
from sluice_local.run.scrape import Snapshot
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
        self._said: list[str] = []
        self._state: dict[str, Any] = {"phase": "starting", "seconds": 0, "source": "", "said": []}
        self._over: dict[str, Any] | None = None
        self._prefix = ""
        self._board.write(self._state)
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
        self._state["source"] = shown(source)
        self._board.write(self._state)
        return _Both(view, self)

    def reading(self, resources: Resources, prefix: str) -> AbstractContextManager[object]:
        """See `PageLike`."""
        self._prefix = prefix
        self._reader = Reader(resources.bucket, resources.dlq, prefix)
        return self._reader

    def show(self, now: Snapshot, seconds: float, phase: str) -> None:
        """One look at the pipeline."""
        self._history.add(now, seconds)
        seen = Seen()
        if self._reader is not None:
            self._reader.look(next(iter(now.newest_objects), None), now.dead_letters or 0)
            seen = self._reader.seen
        self._state |= {
            "phase": phase,
            "seconds": round(seconds, 1),
            "counts": state.counts(now),
            "series": self._history.series(),
            "files": state.files(now.newest_objects, self._prefix),
            "rows": state.rows(seen),
            "dead_letters": state.dead_letters(now, seen),
        }
        self._board.write(self._state)

    def say(self, line: str) -> None:
        """A line that the run told."""
        self._said = [*self._said, shown(line, 300)][-_SAID:]
        self._state["said"] = self._said
        self._board.write(self._state)

    def account(self, verdict: Verdict, seconds: float) -> None:
        """See `PageLike`."""
        self._over = state.account(verdict, seconds)
        # The services are gone, their last counts with them; the account knows what they came to.
        if "counts" in self._state:
            self._state["counts"] = self._state["counts"] | state.final_counts(verdict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        over = self._over or state.failure(error or "it ended without an account")
        phase = "done" if self._over else "failed"
        self._board.write(self._state | {"phase": phase, "over": over}, last=True)
        self._server.close()


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
