"""What the pipeline does right now, read from the services' own /metrics and from the queues."""

import math
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
from sluice_local.run.listing import Listing

_DEAD: Final = ("events_dead_lettered_total", "poison_records_total")
_REASON: Final = "dead: "


@dataclass(frozen=True)
class Snapshot:
    """One look at the pipeline. Counts since the start; times in seconds, sizes in bytes.

    `depth` and `dead_letters` are None while they are not known; `connected` before the producer has told it, and
    when the run has stopped it; `lag` without a connection or a time that an event had. `dead_counts`: service →
    reason → dead letters, as they count them. `dropped`: rows that a transform left out. `gaps`: places in the
    stream that the source no longer had. `newest_objects`: the last ones at the last listing, newest first.
    """

    at: float = 0.0
    received: int = 0
    filtered: int = 0
    messages: int = 0
    message_bytes: int = 0
    buffered: int = 0
    connected: bool | None = None
    lag: float | None = None
    depth: int | None = None
    visible: int | None = None
    dead_letters: int | None = None
    rows: int = 0
    objects: int = 0
    object_bytes: int = 0
    newest_objects: tuple[Stored, ...] = ()
    dropped: int = 0
    gaps: int = 0
    dead_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rate: float = field(default=0.0)

    @property
    def newest(self) -> str | None:
        """The newest object's key."""
        return self.newest_objects[0].key if self.newest_objects else None

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
        self, producer_port: int, batcher_port: int, resources: Resources, listing: Listing
    ) -> None:
        self._urls = {"producer": _metrics_of(producer_port), "batcher": _metrics_of(batcher_port)}
        self._session = requests.Session()
        self._session.trust_env = False
        self._resources = resources
        self._listing = listing
        self._last = Snapshot(at=time.monotonic())
        self._batcher: Mapping[str, float] = {}
        self._earlier: Mapping[str, float] = {}

    @property
    def last(self) -> Snapshot:
        """The latest snapshot."""
        return self._last

    def follow_batcher(self, port: int) -> None:
        """Another batcher takes over: what those before it have counted stays counted."""
        self._earlier, self._batcher = _sum(self._earlier, self._batcher), {}
        self._urls["batcher"] = _metrics_of(port)

    def leave_producer(self) -> None:
        """It was stopped, and with it what is known of the source."""
        self._urls.pop("producer", None)
        self._last = replace(self._last, connected=None, lag=None)

    def finish(self) -> Snapshot:
        """The last one: its newest objects are those of now. Raises SluiceError."""
        self._listing.finish()
        return self.take()

    def take(self) -> Snapshot:
        """A new snapshot."""
        before = self._last
        now = replace(before, at=time.monotonic())
        # The batcher first: no row is then seen before its event.
        if found := self._metrics("batcher"):
            self._batcher = found
            values = _sum(self._earlier, found)
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
            connected = values["connected"] > 0
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
                connected=connected,
                lag=_lag(values) if connected else None,
                gaps=int(values["resume_gaps_total"]),
                dead_counts={**now.dead_counts, "producer": _by_reason(values)},
            )
        passed = now.at - before.at
        if passed > 0:
            # Smoothed over about three seconds: a pack a second would make the number jump.
            share = min(1.0, passed / 3)
            fresh = (now.received - before.received) / passed
            now = replace(now, rate=before.rate + share * (fresh - before.rate))
        self._listing.look(now.objects)
        self._last = self._queues(replace(now, newest_objects=self._listing.newest))
        return self._last

    def _queues(self, now: Snapshot) -> Snapshot:
        try:
            queue = self._resources.queue.attributes()
            dead = self._resources.dlq.attributes()
            now = replace(now, depth=queue.depth, visible=queue.visible, dead_letters=dead.depth)
        except SluiceError:
            return replace(now, depth=None, visible=None, dead_letters=None)
        return now

    def _metrics(self, service: str) -> defaultdict[str, float]:
        values: defaultdict[str, float] = defaultdict(float)
        if service not in self._urls:
            return values
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


def _metrics_of(port: int) -> str:
    return f"http://127.0.0.1:{port}/metrics"


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> defaultdict[str, float]:
    found = defaultdict(float, one)
    for name, value in other.items():
        found[name] += value
    return found


def _lag(values: Mapping[str, float]) -> float | None:
    """None before an event has come, and where no event has told a time: then it is no number."""
    lag = values.get("stream_lag_seconds", math.nan)
    return lag if values["events_received_total"] and math.isfinite(lag) else None


def _by_reason(values: Mapping[str, float]) -> dict[str, int]:
    return {
        name.removeprefix(_REASON): int(count)
        for name, count in values.items()
        if name.startswith(_REASON) and count
    }
