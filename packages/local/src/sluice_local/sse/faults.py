"""Faults that the built-in source can show, each once, so that tests and demonstrations can order them.

Written as `cut@K` (the connection ends before event K), `mid@K` (event K is cut in the middle of its
data, after its id), `silence@K` (nothing more is sent on this connection), `STATUSxN` or
`STATUSxN:SECONDS` (the first N requests get that status, with Retry-After).
"""

import re
import threading
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["cut", "mid", "silence"]

_AT: Final = re.compile(r"(cut|mid|silence)@(\d+)")
_REFUSE: Final = re.compile(r"([1-5]\d\d)x(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class At:
    """A fault at event `n`."""

    kind: Kind
    n: int


@dataclass(frozen=True)
class Refuse:
    """The first `count` requests are answered with `status`; `retry_after` in seconds, or None."""

    status: int
    count: int
    retry_after: int | None


def parse_fault(text: str) -> At | Refuse:
    """The fault that `text` describes; raises ValueError with the rule."""
    if found := _AT.fullmatch(text):
        kind: Kind = found[1]  # type: ignore[assignment] # the pattern allows just these
        return At(kind, int(found[2]))
    if found := _REFUSE.fullmatch(text):
        return Refuse(int(found[1]), int(found[2]), int(found[3]) if found[3] else None)
    raise ValueError(f"{text!r} is no fault: cut@K, mid@K, silence@K, STATUSxN or STATUSxN:SECONDS")


class Faults:
    """The faults still to come; safe to share between connections."""

    def __init__(self, *faults: At | Refuse) -> None:
        self._lock = threading.Lock()
        self._at = sorted((f for f in faults if isinstance(f, At)), key=lambda f: f.n)
        self._refusals = [f for f in faults if isinstance(f, Refuse) for _ in range(f.count)]

    def next_at(self) -> int | None:
        """The number of the event at which the next fault waits."""
        with self._lock:
            return self._at[0].n if self._at else None

    def take(self, n: int) -> Kind | None:
        """The fault due at event n (or missed before it), which will not come again."""
        with self._lock:
            return self._at.pop(0).kind if self._at and self._at[0].n <= n else None

    def refusal(self) -> Refuse | None:
        """How to refuse this request, if it is to be refused."""
        with self._lock:
            return self._refusals.pop(0) if self._refusals else None
