"""The state of a run as the page takes it: plain JSON, every text cut, every number what is known and no more; the last
minutes as lines to draw.
"""

import math
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sluice_cli.verify.report import notes
from sluice_cli.verify.verdict import Verdict
from sluice_core.aws.s3 import Stored

from sluice_local.page.newest import Seen
from sluice_local.page.text import shown
from sluice_local.run import summary
from sluice_local.run.account import Counts
from sluice_local.run.scrape import Snapshot


def counts(now: Snapshot) -> dict[str, Any]:
    """The numbers of this moment. `on_the_way`: read, and neither filtered, stored nor a dead letter yet."""
    dead = sum(now.dead_reasons.values())
    lag = now.lag if now.lag is None or math.isfinite(now.lag) else None
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
        "lag": None if lag is None else round(max(lag, 0.0), 2),
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


def dead_letters(now: Snapshot, seen: Seen) -> dict[str, Any]:
    """How many by reason, and some of them."""
    reasons = sorted(now.dead_reasons.items(), key=lambda item: -item[1])
    return {
        "reasons": [{"reason": shown(name), "count": count} for name, count in reasons],
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


def account(verdict: Verdict, seconds: float) -> dict[str, Any]:
    """The verdict at the end. `lost` is None where the account cannot count."""
    found, uncounted = verdict.account, bool(verdict.objects.uncounted)
    code = summary.exit_code(verdict)
    lines = [
        ("events in", found.source, f"in {seconds:.1f} s, start and drain included"),
        ("filtered", found.filtered, "no data, such as canaries"),
        ("rows out", verdict.objects.rows, "read back from the files"),
    ]
    if uncounted:
        said = list(Counts.of(verdict).lines())
    else:
        lines += [
            ("dead-lettered", found.dead_lettered, ""),
            ("lost", found.lost, "in no file and no dead letter"),
            ("duplicates", found.duplicates, ""),
        ]
        said = []
    said += [*notes(verdict, doubts=not uncounted), *summary.advice(verdict)]
    return {
        "ok": code == 0,
        "verdict": _verdict(verdict, code),
        "lost": None if uncounted else found.lost,
        "lines": [{"name": n, "count": count, "note": note} for n, count, note in lines],
        "said": [shown(line, 600) for line in said],
    }


def final_counts(verdict: Verdict) -> dict[str, int]:
    """What of `counts` the account knows better."""
    account, letters = verdict.account, verdict.dead_letters
    dead = 0 if letters is None else len(letters.events) + letters.unreadable
    return {
        "received": account.source or 0,
        "filtered": account.filtered,
        "rows": verdict.objects.rows,
        "dead_letters": dead,
        "on_the_way": 0,
        "depth": 0,
    }


def _verdict(verdict: Verdict, code: int) -> str:
    if code == 0:
        return "the numbers agree" if verdict.objects.uncounted else "nothing is lost"
    if verdict.account.lost and not verdict.objects.uncounted:
        return f"{verdict.account.lost:,} lost"
    return "the account does not add up" if code == 1 else "this account is not certain"


def failure(why: object) -> Mapping[str, Any]:
    """The end of a run that failed."""
    return {
        "ok": False,
        "verdict": "the run failed",
        "lost": None,
        "lines": [],
        "said": [shown_lines(why)],
    }


def shown_lines(why: object) -> str:
    """Several lines, each bounded."""
    return "\n".join(shown(line, 400) for line in str(why).splitlines()[:20])


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
