"""What a run asks of a page beside it; and the page that is none."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from sluice_cli.verify.verdict import Verdict

from sluice_local.resources import Resources
from sluice_local.run.view import View


class PageLike(Protocol):
    """What a run asks of its page."""

    def beside(self, view: View, source: str) -> View:
        """A view that shows on the page, too, what it is given; `source` is what people call the stream."""
        ...

    def reading(self, resources: Resources, prefix: str) -> AbstractContextManager[object]:
        """Meanwhile the page shows rows and dead letters; afterwards nobody else looks at queue and bucket."""
        ...

    def account(self, verdict: Verdict, seconds: float) -> None:
        """The end of a run that has an account."""
        ...


class NoPage:
    """`--no-page`."""

    def beside(self, view: View, source: str) -> View:
        """The view itself."""
        return view

    def reading(self, resources: Resources, prefix: str) -> AbstractContextManager[object]:
        """Reads nothing."""
        return nullcontext()

    def account(self, verdict: Verdict, seconds: float) -> None:
        """See `PageLike`."""
