"""The batcher's metrics, and the label values that the parts which count share. Children of labelled metrics are made once."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from threading import Lock
from typing import ClassVar, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from sluice_core import reasons

ROWS: Final = "rows"
BYTES: Final = "bytes"
AGE: Final = "age"
MESSAGES: Final = "messages"
DRAIN: Final = "drain"
REASONS: Final = (ROWS, BYTES, AGE, MESSAGES, DRAIN)


_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS: Final = (1, 10, 50, 100, 200, 500, 1000, 5000, 10_000, 25_000, 50_000, 100_000)
_FRESHNESS: Final = (1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600, 6 * 3600, 86_400)


class BulkHistogram(Collector):
    """A histogram that takes thousands of values at once: prometheus_client's takes one a call."""

    def __init__(
        self, name: str, text: str, buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._text = text
        self._bounds = [*buckets, float("inf")]
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0
        self._lock = Lock()
        registry.register(self)

    def observe_many(self, counted: Iterable[tuple[float, int]]) -> None:
        """Observes pairs of (value, how often)."""
        with self._lock:
            for value, count in counted:
                self._counts[bisect_left(self._bounds, value)] += count
                self._sum += value * count

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Prometheus's view: cumulative buckets."""
        with self._lock:
            cumulative = list(accumulate(self._counts))
            total = self._sum
        family = HistogramMetricFamily(self._name, self._text)
        names = [*map(str, map(float, self._bounds[:-1])), "+Inf"]
        family.add_metric([], list(zip(names, cumulative, strict=True)), total)
        yield family


class Metrics:
    """All of them, under the prefix `sluice_batcher_`; times in seconds, sizes in bytes."""

    COUNTS: ClassVar = {
        "messages": "sluice_batcher_messages_received_total",
        "rows": "sluice_batcher_rows_written_total",
        "objects": "sluice_batcher_objects_written_total",
        "dead_letters": "sluice_batcher_poison_records_total",
    }
    """What the line of each minute counts."""
    STATES: ClassVar = {
        "held_messages": "sluice_batcher_held_messages",
        "lag_seconds": "sluice_batcher_received_message_age_seconds",
    }

    def __init__(self, registry: CollectorRegistry, output_format: str) -> None:
        self.registry = registry

        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(f"sluice_batcher_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"sluice_batcher_{name}", text, registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(f"sluice_batcher_{name}", text, registry=registry, buckets=buckets)

        self.received = counter("messages_received", "Messages received, redeliveries included.")
        self.redelivered = counter(
            "messages_redelivered", "Received again while held, or after being written here."
        )
        self.deleted = counter(
            "messages_deleted",
            "Messages deleted: S3 had taken all their rows and the dead-letter queue all their dead letters (a heartbeat has neither).",
        )
        self.delete_failures = counter(
            "delete_failures", "Deletes that SQS refused or did not answer."
        )
        returned = counter(
            "messages_returned", "Messages given back to the queue unwritten.", ["why"]
        )
        self.returned_drain = returned.labels("drain")
        self.returned_codec = returned.labels("unknown-codec")
        self.returned_lost = returned.labels("lease-lost")
        self.returned_unflushable = returned.labels("unflushable")
        self.rows = counter("rows_written", "Rows in objects that S3 accepted.")
        self.dropped = counter(
            "rows_dropped", "Rows that SLUICE_TRANSFORM left out on purpose: stored nowhere."
        )
        self.nulled = counter("values_nulled", "Values that their column's type could not take.")
        self.untimed = counter(
            "rows_without_event_time",
            "Rows whose event held no time at the paths of SLUICE_EVENT_TIME: partitioned by SentTimestamp.",
        )
        self.objects = counter("objects_written", "Objects that S3 accepted.", ["format"]).labels(
            output_format
        )
        self.object_bytes = counter(
            "object_bytes_written", "Bytes of these objects.", ["format"]
        ).labels(output_format)
        self.put_failures = counter("put_failures", "Writes that S3 refused or did not answer.")
        self.receive_failures = counter("receive_failures", "Receives that failed.")
        self.flushes = counter("flushes", "Batches flushed, by what closed them.", ["reason"])
        for reason in REASONS:
            self.flushes.labels(reason)
        self.flush_seconds = histogram(
            "flush_seconds", "From a closed batch to its objects being stored.", _SECONDS
        )
        self.batch_rows = histogram("batch_rows", "Rows of a batch.", _ROWS)
        self.extensions = counter("visibility_extensions", "Messages whose lease was extended.")
        self.extension_failures = counter(
            "visibility_extension_failures", "Extensions that SQS refused or did not answer."
        )
        self.dead_letters = counter(
            "poison_records", "Dead letters accepted by their queue.", ["reason"]
        )
        for reason in sorted(reasons.ALL):
            self.dead_letters.labels(reason)
        self._last_dead = gauge(
            "last_dead_letter_timestamp_seconds",
            "When the last dead letter was accepted (epoch); 0: none since the start.",
        )
        self.dead_letters_waiting = gauge("poison_backlog", "Dead letters waiting to be accepted.")
        self.transform_failures = counter("transform_failures", "Calls of the hook that failed.")
        self.held_messages = gauge("held_messages", "Messages received and not deleted yet.")
        self.held_rows = gauge("held_rows", "Rows held and not stored yet.")
        self.oldest_age = gauge(
            "oldest_held_message_age_seconds",
            "Age of the oldest held message, written or not: some wait for their delete or their dead letters only.",
        )
        self.unwritten_age = gauge(
            "oldest_unwritten_message_age_seconds",
            "Age of the oldest held message whose rows are not written yet; 0: there is none.",
        )
        self.received_age = gauge(
            "received_message_age_seconds",
            "Greatest age in the queue of what was received in the last minutes; NaN when nothing was.",
        )
        self.last_flush = gauge("last_flush_timestamp_seconds", "When the last batch was stored.")
        self.freshness = BulkHistogram(
            "sluice_batcher_freshness_seconds",
            "From an event's own time to its row being stored.",
            _FRESHNESS,
            registry,
        )

        self._heartbeat = histogram(
            "heartbeat_seconds",
            "From a heartbeat being made by the producer to S3 having the batch that it came in.",
            _FRESHNESS,
        )
        self._last_heartbeat_seconds = gauge(
            "last_heartbeat_seconds", "The same of the last one; NaN: none since the start."
        )
        self._last_heartbeat_seconds.set(math.nan)
        self._last_heartbeat = gauge(
            "last_heartbeat_timestamp_seconds",
            "When the newest heartbeat that came through was made (epoch); 0: none since the start.",
        )
        self._newest_heartbeat = 0.0

    def heartbeat(self, made_at: float, now: float) -> None:
        """A heartbeat made at `made_at` is through at `now`, both in epoch seconds."""
        # Two machines' clocks: it did not arrive before it was made.
        seconds = max(0.0, now - made_at)
        self._heartbeat.observe(seconds)
        self._last_heartbeat_seconds.set(seconds)
        self._newest_heartbeat = max(self._newest_heartbeat, made_at)
        self._last_heartbeat.set(self._newest_heartbeat)

    def dead_lettered(self, by_reason: Mapping[str, int], now: float) -> None:
        """Dead letters that their queue has accepted, by reason; `now` in epoch seconds."""
        for reason, count in by_reason.items():
            self.dead_letters.labels(reason).inc(count)
        self._last_dead.set(now)

    def watch(
        self,
        held: Callable[[], float],
        oldest_age: Callable[[], float],
        unwritten_age: Callable[[], float],
        received_age: Callable[[], float],
    ) -> None:
        """Where the gauges that are read at each scrape come from."""
        self.received_age.set_function(received_age)
        self.held_messages.set_function(held)
        self.oldest_age.set_function(oldest_age)
        self.unwritten_age.set_function(unwritten_age)
