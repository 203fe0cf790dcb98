"""The state that the page shows: written by the run, read by any number of requests."""

import json
import threading
from collections.abc import Mapping
from typing import Any


class Board:
    """The newest state, encoded once however many read it. All methods are thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._body = b"{}"
        self._version = 0
        self._last = False

    def write(self, state: Mapping[str, Any], *, last: bool = False) -> None:
        """Replaces the state; after the `last` one nothing is taken any more."""
        body = json.dumps(state, separators=(",", ":"), allow_nan=False).encode()
        with self._changed:
            if not self._last:
                self._body, self._last = body, last
                self._version += 1
                self._changed.notify_all()

    def read(self) -> bytes:
        """The state as JSON."""
        return self._body

    def after(self, version: int, seconds: float) -> tuple[int, bytes, bool]:
        """Version, JSON, and whether it is the last one: as soon as it is newer than `version`, or after `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._last, seconds)
            return self._version, self._body, self._last
