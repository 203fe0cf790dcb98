"""What the pipeline does right now, read from the services' own /metrics and from the queues."""

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace

import requests
from prometheus_client.parser import text_string_to_metric_families
from sluice_core.errors import SluiceError

from sluice_local.resources import Resources

_NEWEST_EVERY = 3.0
"""Seconds between two listings of the bucket, which cost more than all the rest."""


@dataclass(frozen=True)
class Snapshot:
    """One look at the pipeline. Counts since the start; times in seconds, sizes in bytes.

    `depth`, `dead_letters`, `lag` and `newest` are None while they are not known.
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
    rate: float = field(default=0.0)


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
        if values := self._metrics("producer"):
            now = replace(
                now,
                received=int(values["events_received_total"]),
                filtered=int(values["events_filtered_total"]),
                messages=int(values["messages_sent_total"]),
                message_bytes=int(values["sent_bytes_total"]),
                buffered=int(values["buffered_events"]),
                connected=values["connected"] > 0,
                lag=values["stream_lag_seconds"] if values["events_received_total"] else None,
            )
        if values := self._metrics("batcher"):
            now = replace(
                now,
                rows=int(values["rows_written_total"]),
                objects=int(values["objects_written_total"]),
                object_bytes=int(values["object_bytes_written_total"]),
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
                keys = [stored.key for stored in self._resources.bucket.list(f"{self._prefix}/")]
                newest = max(keys, key=lambda key: key.rsplit("/", 1)[-1], default=None)
                now = replace(now, newest=newest)
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
                values[sample.name.removeprefix(f"sluice_{service}_")] += sample.value
        return values
