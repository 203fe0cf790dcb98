"""When the fast way is no longer tried: a stream that is refused each time would pay for both ways.

After some refusals in a row only one message in so many is tried, in ever more as long as it is refused, up to a
limit; one that is taken, and all are tried again. Nothing but the cost depends on it: the rows are the same either way.
"""

import threading
from typing import Final

_PATIENCE: Final = 8
"""Refusals in a row."""
_FIRST, _MOST = 16, 1024
"""Of how many messages one is tried: at first, and at most."""


class Refusals:
    """Counts what the fast way refuses; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._one_in = 1
        self._passed = 0

    @property
    def many(self) -> bool:
        """Whether the last ones were all refused."""
        return self._in_a_row >= _PATIENCE

    def refused(self) -> None:
        """The fast way did not take what was tried."""
        with self._lock:
            self._in_a_row += 1
            if self.many:
                self._one_in = min(max(2 * self._one_in, _FIRST), _MOST)

    def taken(self) -> None:
        """The fast way took it."""
        if not self._in_a_row:
            return
        with self._lock:
            self._in_a_row, self._one_in, self._passed = 0, 1, 0

    def worth_a_try(self) -> bool:
        """Asked once for each message."""
        if not self.many:
            return True
        with self._lock:
            self._passed = (self._passed + 1) % self._one_in
            return not self._passed
