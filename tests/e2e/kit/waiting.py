"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class GaveUpError(AssertionError):
    """The condition did not come about in time; the message says which, and what was seen last."""


def until(
    condition: Callable[[], T],
    what: str | Callable[[], str],
    *,
    deadline: float,
    pause: float = 0.5,
) -> T:
    """The first truthy result of `condition`, asked every `pause` seconds for `deadline` seconds.

    `what` is waited for; a function is asked in the end, for what has been seen by then.
    """
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            words = what if isinstance(what, str) else what()
            raise GaveUpError(f"waited {deadline:.0f} s for {words}; last: {result!r}")
        time.sleep(pause)
