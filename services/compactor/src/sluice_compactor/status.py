"""What the last pass found, kept beside the checkpoint: a CronJob's process is gone when somebody asks.

It is written for people and never read by a pass: nothing depends on it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

import orjson
from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import NotFoundError
from sluice_core.keys import INTERNAL_PREFIX

from sluice_compactor.compact.passes import Report

_MOST: Final = 1_000
"""Objects that are named; all are counted."""


@dataclass(frozen=True)
class Status:
    """`at`: when the pass ended (seconds since the epoch), `seconds` how long it took; otherwise as in `Report`."""

    at: float
    seconds: float
    raw_objects: int
    raw_bytes: int
    young: int
    dirty_days: int
    rows_in: int
    rows_out: int
    deleted: int
    lost_races: int
    set_aside_count: int
    set_aside: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, report: Report, *, at: float, seconds: float) -> Self:
        """What is kept of a report."""
        listing = report.listing
        return cls(
            at=at,
            seconds=round(seconds, 3),
            raw_objects=listing.count,
            raw_bytes=listing.size,
            young=listing.young,
            dirty_days=len(listing.days),
            rows_in=report.rows_in,
            rows_out=report.rows_out,
            deleted=report.deleted,
            lost_races=report.lost_races,
            set_aside_count=len(report.set_aside),
            set_aside=dict(list(report.set_aside.items())[:_MOST]),
            failures={str(day): why for day, why in report.failures.items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def _key(table: str) -> str:
    return f"{INTERNAL_PREFIX}lake/{table}/status.json"


def write_status(bucket: BucketLike, table: str, status: Status) -> None:
    """Puts it in the place of the last one."""
    bucket.put(_key(table), orjson.dumps(status.to_dict()), content_type="application/json")


def read_status(bucket: BucketLike, table: str) -> Status | None:
    """The last pass's; None where there was none, or another version's."""
    try:
        found = orjson.loads(bucket.get(_key(table)).body)
        return Status(**found)
    except (NotFoundError, orjson.JSONDecodeError, TypeError):
        return None
