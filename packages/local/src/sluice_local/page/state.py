"""The state of a run as the page takes it: plain JSON, every text cut, every number what is known and no more; the last
minutes as lines to draw.
"""

import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sluice_core.aws.s3 import Stored

from sluice_local.page.newest import Seen
from sluice_local.page.text import shown
from sluice_local.run.phases import NO_SOURCE, RUNNING
from sluice_local.run.scrape import Snapshot

_KINDS: Final = {RUNNING: "good", NO_SOURCE: "bad"}


def kind(phase: str) -> str:
    """Whether a phase is good or bad news, or `busy`: neither."""
    return _KINDS.get(phase, "busy")


def counts(now: Snapshot) -> dict[str, Any]:
    """The numbers of this moment. `on_the_way`: read, and neither filtered, stored, left out nor a dead letter yet."""
    dead = sum(now.dead_reasons.values())
    return {
        "received": now.received,
        "filtered": now.filtered,
        "rows": now.rows,
        "dead_letters": dead,
        "on_the_way": max(0, now.received - now.filtered - now.rows - now.dropped - dead),
        "dropped": now.dropped,
        "gaps": now.gaps,
        "connected": now.connected,
        "messages": now.messages,
        "message_bytes": now.message_bytes,
        "depth": now.depth,
        "objects": now.objects,
        "object_bytes": now.object_bytes,
        "lag": _lag(now.lag),
    }


def files(newest: Sequence[Stored], prefix: str) -> list[dict[str, Any]]:
    """Name, size and time of writing (epoch, seconds) of the newest objects."""
    return [
        {
            "name": shown(stored.key.removeprefix(f"{prefix}/"), 300),
            "bytes": stored.size,
            "at": written_at(stored.key),
        }
        for stored in newest
    ]


def written_at(key: str) -> float | None:
    """When an object was named, from the UUIDv7 in its name (RFC 9562: its first 48 bits are milliseconds)."""
    text = key.rpartition("/")[2].removeprefix("batch-")[:36]
    try:
        return (uuid.UUID(text).int >> 80) / 1000
    except ValueError:
        return None


def dead_letters(reasons: Mapping[str, int], seen: Seen) -> dict[str, Any]:
    """How many by reason, and some of them."""
    most_first = sorted(reasons.items(), key=lambda item: -item[1])
    return {
        "reasons": [{"reason": shown(name), "count": count} for name, count in most_first],
        "some": [dict(letter) for letter in seen.dead_letters],
    }


def rows(seen: Seen) -> dict[str, Any]:
    """The newest object's last rows."""
    found = seen.rows
    return {
        "name": shown(found.key, 300),
        "columns": list(found.columns),
        "rows": [list(row) for row in found.rows],
        "note": found.note,
    }


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
            "lag": [_lag(s.lag) for s in samples],
            "depth": [s.depth for s in samples],
        }
        return {name: values[-SAMPLES:] for name, values in found.items()}


def _lag(seconds: float | None) -> float | None:
    # A source whose clock is ahead has events of the future.
    return None if seconds is None else round(max(seconds, 0.0), 2)


def _rate(count: int, seconds: float) -> float:
    # A service that was started anew would count from 0.
    return round(max(count, 0) / seconds, 1) if seconds > 0 else 0.0
