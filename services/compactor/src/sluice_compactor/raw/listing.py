"""Which raw objects there are: by day, those that have been left alone for long enough."""

import datetime
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sluice_core.aws.s3 import BucketLike, Stored
from sluice_core.lake.reader import is_data

_PART: Final = re.compile(r"^(year|month|day|dt|hour)=([0-9-]+)$")
NO_DAY: Final = "its path names no day (dt=…, or year=…/month=…/day=…): SLUICE_PARTITION_BY"


@dataclass(frozen=True)
class RawObject:
    """One raw object: its key, size in bytes, entity tag, when it was written; its day and hour by its path."""

    key: str
    size: int
    etag: str
    modified: float
    day: datetime.date
    hour: int | None


@dataclass
class Listing:
    """`days`: day → raw objects to compact, oldest day first. `young`: left alone for now. `set_aside`: key → why.

    `at`: when it was made; `young_since`: when the oldest of the young was written (seconds since the epoch).
    """

    at: float = 0.0
    days: dict[datetime.date, list[RawObject]] = field(default_factory=dict)
    young: int = 0
    set_aside: dict[str, str] = field(default_factory=dict)
    count: int = 0
    size: int = 0
    young_since: float | None = None

    def oldest_age(self, without: Container[str]) -> float:
        """Seconds since the oldest raw object was written, young ones included; 0 when there is none.

        Left out are the keys `without`, and what names no day.
        """
        written = [
            raw.modified for raws in self.days.values() for raw in raws if raw.key not in without
        ]
        if self.young_since is not None:
            written.append(self.young_since)
        return max(0.0, self.at - min(written, default=self.at))


def list_raw(
    bucket: BucketLike, prefix: str, *, now: float, settle: float, without: Iterable[str] = ()
) -> Listing:
    """All raw objects under `prefix`. `without`: prefixes that hold no raw objects although they lie below it."""
    start = f"{prefix}/" if prefix else ""
    found, days = Listing(at=now), defaultdict[datetime.date, list[RawObject]](list)
    skipped = tuple(without)
    for stored in bucket.list(start):
        name = stored.key[len(start) :]
        if not is_data(name) or stored.key.startswith(skipped):
            continue
        found.count += 1
        found.size += stored.size
        place = _place(name)
        if place is None:
            found.set_aside[stored.key] = NO_DAY
        elif now - stored.modified < settle:
            found.young += 1
            found.young_since = min(found.young_since or stored.modified, stored.modified)
        else:
            days[place[0]].append(_raw(stored, *place))
    found.days = dict(sorted(days.items()))
    return found


def _raw(stored: Stored, day: datetime.date, hour: int | None) -> RawObject:
    return RawObject(stored.key, stored.size, stored.etag, stored.modified, day, hour)


def _place(name: str) -> tuple[datetime.date, int | None] | None:
    parts: Mapping[str, str] = {
        match[1]: match[2] for part in name.split("/")[:-1] if (match := _PART.match(part))
    }
    text = parts.get("dt") or "-".join(parts.get(unit, "") for unit in ("year", "month", "day"))
    hour = parts.get("hour", "")
    try:
        day = datetime.date.fromisoformat(text)
        return day, (datetime.time(int(hour)).hour if hour else None)
    except ValueError:
        return None
