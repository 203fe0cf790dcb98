"""Looks at the cluster again and again, beside a test."""

import threading
import time
from abc import ABC, abstractmethod
from typing import Self


class Watch(ABC):
    """A thread that looks every `pause` seconds; use it as a context manager."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    @abstractmethod
    def look(self) -> None:
        """One look. What it raises is passed over: the API server may be busy, and the next look comes soon."""

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            try:
                self.look()
            except Exception:  # noqa: BLE001  (see `look`)
                continue
