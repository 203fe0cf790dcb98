"""A table made of a test's bucket: raw objects in, rows out, read by PyIceberg's own reader."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import uuid_utils
from sluice_compactor.app import Service
from sluice_compactor.compact.passes import Report
from sluice_compactor.lake import Lake, quiet_runtime
from sluice_compactor.settings import CompactorSettings
from sluice_core.settings import load_settings

from harness.cloud import Cloud
from harness.compactor import Led

DAYS = ("2026-11-22", "2026-11-23")
STEPS = ("listed", "made", "known", "read", "written", "committed", "deleted")
"""The steps of a pass by their names, as a `Point` is told them."""


class CloudLake:
    """`settings` are `SLUICE_*` variables of the compactors; `log`: where those with a process of their own log."""

    def __init__(
        self,
        cloud: Cloud,
        log: Path,
        settings: Mapping[str, str] | None = None,
        *,
        endpoint: str | None = None,
    ) -> None:
        self.cloud = cloud
        self.environ = {
            **cloud.environ(endpoint),
            "SLUICE_LAKE_SETTLE": "0",
            "SLUICE_LAKE_MAX_MEMORY": "64MiB",
            **(settings or {}),
        }
        self.settings = load_settings(CompactorSettings, self.environ)
        self.log = log

    def open(self) -> Lake:
        """The lake, opened anew."""
        return Lake.open(self.settings)

    def compact(self) -> Report:
        """One pass in this process."""
        return Service(self.settings, quiet_runtime(), self.open).once()

    def led(self, **orders: Any) -> Led:
        """A compactor in a process of its own."""
        return Led(self.environ, self.log, **orders)

    def put(self, ids: Iterable[str], day: str = DAYS[1], hour: int = 14) -> str:
        """A raw object as the batcher writes it; gives its key."""
        body = "event_id,title\n" + "".join(f'"{name}","t {name}"\n' for name in ids)
        return self.put_bytes(body.encode(), day=day, hour=hour)

    def put_bytes(
        self,
        body: bytes,
        ending: str = "csv",
        day: str = DAYS[1],
        hour: int = 14,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """The same of whatever bytes."""
        key = f"events/dt={day}/hour={hour:02d}/batch-{uuid_utils.uuid7()}.{ending}"
        self.cloud.bucket.put(key, body, if_none_match=True, metadata=metadata)
        return key

    def raw(self) -> list[str]:
        """Keys of the raw objects that are left."""
        return [stored.key for stored in self.cloud.bucket.list("events/")]

    def ids(self) -> list[str]:
        """The ids of all rows of the table, as often as they stand there."""
        table = self.open().table()
        if table is None:
            return []
        found: list[str] = (
            table.scan(selected_fields=("event_id",)).to_arrow()["event_id"].to_pylist()
        )
        return sorted(found)


class Sender:
    """Events that come at least once: some objects twice, some events in several objects."""

    def __init__(self, lake: CloudLake, seed: int, days: Sequence[str] = DAYS) -> None:
        self._lake, self._rng, self._days = lake, random.Random(seed), days
        self._next = 0
        self.sent: list[str] = []

    def send(self, objects: int, events: int = 20) -> None:
        """So many raw objects; each event has its day and hour by its id."""
        for _ in range(objects):
            day, hour = self._rng.choice(self._days), self._rng.choice((13, 14))
            mark = f"{day}-{hour}"
            fresh = [f"{mark}-{self._next + n:06d}" for n in range(events)]
            self._next += events
            old = [name for name in self.sent if name.startswith(mark)]
            again = self._rng.sample(old, min(len(old), 5))
            for _ in range(1 + (self._rng.random() < 0.3)):
                self._lake.put([*fresh, *again], day, hour)
            self.sent += fresh
