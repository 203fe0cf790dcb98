"""The last minutes in numbers, a sample a second: rates now, and lines to draw."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from sluice_local.run.scrape import Snapshot

SAMPLES: Final = 120
"""Two minutes, which a page that is opened late sees at once."""

_WINDOW: Final = 3
"""Seconds that a rate looks back: a pack a second would make it jump."""


@dataclass(frozen=True)
class _Sample:
    seconds: float
    received: int
    rows: int
    lag: float | None
    depth: int | None


class History:
    """Takes snapshots in the order of time."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES + _WINDOW)

    def add(self, now: Snapshot, seconds: float) -> None:
        """`now`, `seconds` after the start; nearer than a second to the one before, it is passed over."""
        if not self._samples or seconds - self._samples[-1].seconds >= 0.99:
            self._samples.append(_Sample(seconds, now.received, now.rows, now.lag, now.depth))

    def series(self) -> dict[str, list[float | None]]:
        """`in` and `out` (events and rows a second), `lag` (seconds) and `depth` (messages), oldest first."""
        samples = list(self._samples)
        pairs = [(samples[max(0, n - _WINDOW)], samples[n]) for n in range(len(samples))]
        found: dict[str, list[float | None]] = {
            "in": [_rate(b.received - a.received, b.seconds - a.seconds) for a, b in pairs],
            "out": [_rate(b.rows - a.rows, b.seconds - a.seconds) for a, b in pairs],
            "lag": [None if s.lag is None else round(max(s.lag, 0.0), 2) for s in samples],
            "depth": [s.depth for s in samples],
        }
        return {name: values[-SAMPLES:] for name, values in found.items()}


def _rate(count: int, seconds: float) -> float:
    # A batcher that was started anew counts from 0.
    return round(max(count, 0) / seconds, 1) if seconds > 0 else 0.0
