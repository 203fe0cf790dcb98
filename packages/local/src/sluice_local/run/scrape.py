"""What the pipeline does right now, read from the services' own /metrics and from the queues."""

import heapq
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import requests
from prometheus_client.parser import text_string_to_metric_families
from sluice_core.aws.s3 import Stored
from sluice_core.errors import SluiceError

from sluice_local.resources import Resources

_NEWEST_EVERY = 3.0
"""Seconds between two listings of the bucket, which cost more than all the rest."""

_NEWEST: Final = 6
_DEAD: Final = ("events_dead_lettered_total", "poison_records_total")
_REASON: Final = "dead: "


@dataclass(frozen=True)
class Snapshot:
    """One look at the pipeline. Counts since the start; times in seconds, sizes in bytes.

    `depth`, `dead_letters`, `lag` and `newest` are None while they are not known. `dead_counts`: service → reason →
    dead letters, as they count them. `dropped`: rows that a transform left out. `gaps`: places in the stream
    that the source no longer had. `newest_objects`: the last ones, newest first; `newest` is the first one's key.
    """

    at: float = 0.0
    received: int = 0
    filtered: int = 0
    messages: int = 0
    message_bytes: int = 0
    buffered: int = 0
    connected: bool = False
    lag: float | None = None
    depth: int | None = None
    visible: int | None = None
    dead_letters: int | None = None
    rows: int = 0
    objects: int = 0
    object_bytes: int = 0
    newest: str | None = None
    newest_objects: tuple[Stored, ...] = ()
    dropped: int = 0
    gaps: int = 0
    dead_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rate: float = field(default=0.0)

    @property
    def dead_reasons(self) -> dict[str, int]:
        """Dead letters by reason, of both services."""
        found: Counter[str] = Counter()
        for counts in self.dead_counts.values():
            found.update(counts)
        return dict(found)


class Scraper:
    """Takes snapshots; what cannot be read keeps its last value."""

    def __init__(
        self, producer_port: int, batcher_port: int, resources: Resources, prefix: str
    ) -> None:
        self._urls = {
            "producer": f"http://127.0.0.1:{producer_port}/metrics",
            "batcher": f"http://127.0.0.1:{batcher_port}/metrics",
        }
        self._session = requests.Session()
        self._session.trust_env = False
        self._resources = resources
        self._prefix = prefix
        self._last = Snapshot(at=time.monotonic())
        self._newest_at = 0.0

    @property
    def last(self) -> Snapshot:
        """The latest snapshot."""
        return self._last

    def take(self) -> Snapshot:
        """A new snapshot."""
        before = self._last
        now = replace(before, at=time.monotonic())
        # The batcher first: no row is then seen before its event.
        if values := self._metrics("batcher"):
            now = replace(
                now,
                rows=int(values["rows_written_total"]),
                objects=int(values["objects_written_total"]),
                object_bytes=int(values["object_bytes_written_total"]),
                dropped=int(values["rows_dropped_total"]),
                dead_counts={**now.dead_counts, "batcher": _by_reason(values)},
            )
        if values := self._metrics("producer"):
            # The producer tells what it has read a moment later than what became of it.
            gone = ("events_sent_total", "events_filtered_total", "events_dead_lettered_total")
            now = replace(
                now,
                received=int(
                    max(values["events_received_total"], sum(values[name] for name in gone))
                ),
                filtered=int(values["events_filtered_total"]),
                messages=int(values["messages_sent_total"]),
                message_bytes=int(values["sent_bytes_total"]),
                buffered=int(values["buffered_events"]),
                connected=values["connected"] > 0,
                lag=values["stream_lag_seconds"] if values["events_received_total"] else None,
                gaps=int(values["resume_gaps_total"]),
                dead_counts={**now.dead_counts, "producer": _by_reason(values)},
            )
        passed = now.at - before.at
        if passed > 0:
            # Smoothed over about three seconds: a pack a second would make the number jump.
            share = min(1.0, passed / 3)
            fresh = (now.received - before.received) / passed
            now = replace(now, rate=before.rate + share * (fresh - before.rate))
        self._last = self._queues(now)
        return self._last

    def _queues(self, now: Snapshot) -> Snapshot:
        try:
            queue = self._resources.queue.attributes()
            dead = self._resources.dlq.attributes()
            now = replace(now, depth=queue.depth, visible=queue.visible, dead_letters=dead.depth)
            if now.objects and now.at - self._newest_at > _NEWEST_EVERY:
                self._newest_at = now.at
                # A UUIDv7 in the name sorts by time of writing, whatever the partition.
                newest = heapq.nlargest(
                    _NEWEST,
                    self._resources.bucket.list(f"{self._prefix}/"),
                    key=lambda stored: stored.key.rsplit("/", 1)[-1],
                )
                first = newest[0].key if newest else None
                now = replace(now, newest=first, newest_objects=tuple(newest))
        except SluiceError:
            return replace(now, depth=None, visible=None, dead_letters=None)
        return now

    def _metrics(self, service: str) -> defaultdict[str, float]:
        values: defaultdict[str, float] = defaultdict(float)
        try:
            text = self._session.get(self._urls[service], timeout=2).text
        except requests.RequestException:
            return values
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removeprefix(f"sluice_{service}_")
                values[name] += sample.value
                if name in _DEAD:
                    values[_REASON + sample.labels["reason"]] += sample.value
        return values


def _by_reason(values: Mapping[str, float]) -> dict[str, int]:
    return {
        name.removeprefix(_REASON): int(count)
        for name, count in values.items()
        if name.startswith(_REASON) and count
    }
