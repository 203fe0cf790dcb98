"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds until a wait gives up: far more than any condition takes, because machines differ."""


class GaveUpError(AssertionError):
    """The condition did not come about in time; the message says which, and what was seen last."""


def until(
    condition: Callable[[], T],
    what: str,
    *,
    deadline: float = PATIENCE,
    pause: float = 0.05,
    seen: Callable[[], object] | None = None,
) -> T:
    """The first truthy result of `condition`; `seen` is asked for the state when it never comes."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            state = f"; seen: {seen()}" if seen is not None else f"; last: {result!r}"
            raise GaveUpError(f"waited {deadline:.0f} s for {what}{state}")
        time.sleep(pause)
