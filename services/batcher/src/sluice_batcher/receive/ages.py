"""How old what was received lately is: who nears the queue's retention is about to lose messages."""

import math
import threading
from typing import Final

from sluice_core.service.clock import Clock

WINDOW: Final = 60.0
"""Seconds; the answer covers the present window and the one before."""


class RecentAge:
    """The greatest of the ages that were observed in the last one to two minutes; thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends = clock.monotonic() + WINDOW
        self._before = self._present = math.nan
        self._lock = threading.Lock()

    def observe(self, seconds: float) -> None:
        """One message is `seconds` old."""
        with self._lock:
            self._turn()
            if not self._present >= seconds:
                self._present = seconds

    def value(self) -> float:
        """Seconds; NaN when nothing was received: then nobody knows."""
        with self._lock:
            self._turn()
            known = [age for age in (self._before, self._present) if not math.isnan(age)]
            return max(known, default=math.nan)

    def _turn(self) -> None:
        late = self._clock.monotonic() - self._ends
        if late < 0:
            return
        self._before = self._present if late < WINDOW else math.nan
        self._present = math.nan
        self._ends += WINDOW * (1 + late // WINDOW)
