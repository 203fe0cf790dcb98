"""What the producer tells Prometheus. Children are made once; the hot path adds up and reports by pack."""

import math
import threading
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sluice_core import reasons
from sluice_core.aws.sqs import QueueAttributes
from sluice_core.service import runtime
from sluice_core.service.clock import Clock
from sluice_core.service.minute import MinuteLine

CANARY: Final = "canary"
DUPLICATE: Final = "duplicate"
EMPTY: Final = "empty"
TYPE: Final = "type"
DROP_REASONS: Final = (CANARY, DUPLICATE, EMPTY, TYPE)

EVENTS: Final = "events"
BYTES: Final = "bytes"
AGE: Final = "age"
STOP: Final = "stop"
TRIGGERS: Final = (EVENTS, BYTES, AGE, STOP)

MAIN: Final = "main"
DEAD_LETTER: Final = "dead-letter"
QUEUES: Final = (MAIN, DEAD_LETTER)


OTHER_STATUS: Final = "status-other"
CAUSES: Final = (
    "end",
    "idle",
    "network",
    "connect",
    "source-error",
    *(f"status-{n}" for n in (400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504)),
    OTHER_STATUS,
)
"""Why connections end. The source chooses its status: any that is not here is told as OTHER_STATUS, and the log has the number."""
_COUNTS = {
    "events": "sluice_producer_events_received_total",
    "sent": "sluice_producer_events_sent_total",
    "messages": "sluice_producer_messages_sent_total",
    "dead_letters": "sluice_producer_events_dead_lettered_total",
}
_STATES = {
    "lag_seconds": "sluice_producer_stream_lag_seconds",
    "buffered_events": "sluice_producer_buffered_events",
}
_STATES_OF_MESSAGES = ("visible", "in-flight", "delayed")
_SEND_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All metrics of one producer. `wire` is the label of packs: packed or plain."""

    def __init__(self, registry: CollectorRegistry, wire: str) -> None:
        self.registry = registry
        self.received = self._counter("events_received", "Events that the source sent.")
        filtered = self._counter("events_filtered", "Events that are no data, by reason.", "reason")
        self._filtered = {reason: filtered.labels(reason) for reason in DROP_REASONS}
        self.without_id = self._counter(
            "events_without_id", "Events without an id where SLUICE_EVENT_ID looks: hashed."
        )
        dead = self._counter(
            "events_dead_lettered",
            "Events that the dead-letter queue accepted, by reason.",
            "reason",
        )
        self._dead = {
            reason: dead.labels(reason)
            for reason in (
                reasons.NOT_JSON,
                reasons.NOT_OBJECT,
                reasons.TOO_LARGE,
                reasons.REFUSED_BY_QUEUE,
            )
        }
        self._last_dead = self._gauge(
            "last_dead_letter_timestamp_seconds",
            "When the last dead letter was accepted (epoch); 0: none since the start.",
        )
        self._dead_waiting = self._gauge(
            "dead_letters_waiting", "Events whose dead letter is not accepted yet."
        )
        self._accepted = 0
        self._lock = threading.Lock()
        self._events_sent = self._counter("events_sent", "Events that SQS accepted.")
        self._packs = self._counter(
            "messages_sent", "Messages that SQS accepted, by wire.", "wire"
        ).labels(wire)
        self.heartbeats = self._counter(
            "heartbeats_sent", "Heartbeats that SQS accepted; they are messages, and no events."
        )
        self._bytes = self._counter("sent_bytes", "Bytes of accepted messages, as SQS counts them.")
        self._raw = self._counter("sent_unpacked_bytes", "Bytes of their events before packing.")
        flushes = self._counter("pack_flushes", "Packs closed, by trigger.", "trigger")
        self._flushes = {trigger: flushes.labels(trigger) for trigger in TRIGGERS}
        self.send_seconds = Histogram(
            "sluice_producer_send_seconds",
            "Seconds of one SendMessageBatch.",
            buckets=_SEND_BUCKETS,
            registry=registry,
        )
        self.send_failures = self._counter(
            "send_failures", "Failed sends: whole calls, or entries of one.", "kind"
        )
        for kind in ("call", "entry"):
            self.send_failures.labels(kind)
        reconnects = self._counter(
            "reconnects", "Ends of a connection or failed attempts, by cause.", "cause"
        )
        self._reconnects = {cause: reconnects.labels(cause) for cause in CAUSES}
        self.connected = self._gauge("connected", "1 while a connection to the source is open.")
        self.gaps = self._counter(
            "resume_gaps", "Resumes that the source refused as too old: events may be lost."
        )
        self.last_gap = self._gauge(
            "last_gap_timestamp_seconds",
            "When the last such gap was found (epoch); 0: none since the start.",
        )
        self.gap_seconds = self._counter(
            "resume_gap_seconds", "Time span of those gaps, where it is known (of Wikimedia's)."
        )
        self._last_event_time = self._gauge(
            "last_event_time_seconds",
            "Event time of the last event read that says one, looked at once a second (epoch); NaN: none yet.",
        )
        self._lag = self._gauge(
            "stream_lag_seconds", "Receipt minus event time of that event; NaN: none yet."
        )
        for unknown in (self._last_event_time, self._lag):
            unknown.set(math.nan)
        self.checkpoint_writes = self._counter(
            "checkpoint_writes", "Writes of the checkpoint, by result.", "result"
        )
        for result in ("ok", "failed"):
            self.checkpoint_writes.labels(result)
        self._buffered = self._gauge(
            "buffered_events",
            "Events to be sent, or to become dead letters, that SQS has not accepted.",
        )
        self._age = self._gauge(
            "checkpoint_age_seconds", "Age of the oldest progress that no checkpoint holds."
        )
        self._add_queues()
        self._paused = self._gauge("paused", "1 while reading waits for SQS or for a checkpoint.")
        self._stream_delay = Histogram(
            "sluice_producer_stream_delay_seconds",
            "Receipt minus event time of an event that says one, observed once a second.",
            buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43200),
            registry=registry,
        )

    def timed(self, event_time: float, receipt: float) -> None:
        """An event that happened at `event_time` was read at `receipt` (epoch, seconds)."""
        self._last_event_time.set(event_time)
        self._lag.set(receipt - event_time)
        self._stream_delay.observe(max(0.0, receipt - event_time))

    def watch(
        self,
        taken: Callable[[], int],
        checkpoint_age: Callable[[], float],
        paused: Callable[[], float],
        dead_waiting: Callable[[], float],
    ) -> None:
        """Where the gauges that are read at each scrape come from. `taken`: events read and not filtered."""
        # Accepted is read first: an event that is accepted in between must not make the difference negative.
        self._buffered.set_function(lambda: -self._accepted + taken())
        self._dead_waiting.set_function(dead_waiting)
        self._age.set_function(checkpoint_age)
        self._paused.set_function(paused)

    def minute_line(self, clock: Clock) -> MinuteLine:
        """The line that tells of these metrics once a minute."""
        return MinuteLine(self.registry, clock, counts=_COUNTS, states=_STATES)

    def disconnected(self, cause: str) -> None:
        """A connection has ended, or an attempt has failed."""
        self.connected.set(0)
        if cause.startswith("status-") and cause not in self._reconnects:
            cause = OTHER_STATUS
        self._reconnects[cause].inc()

    def filtered(self, reason: str) -> None:
        """One event was dropped."""
        self._filtered[reason].inc()

    def dead_lettered(self, by_reason: Mapping[str, int], now: float) -> None:
        """Dead letters that their queue has accepted, by reason; `now` in epoch seconds."""
        for reason, count in by_reason.items():
            self._dead[reason].inc(count)
        self._last_dead.set(now)
        self._accept(sum(by_reason.values()))

    def flushed(self, trigger: str) -> None:
        """One pack was closed."""
        self._flushes[trigger].inc()

    def sent(self, messages: int, events: int, raw_bytes: int, message_bytes: int) -> None:
        """SQS accepted messages."""
        self._events_sent.inc(events)
        self._accept(events)
        self._packs.inc(messages)
        self._raw.inc(raw_bytes)
        self._bytes.inc(message_bytes)

    def looked(self, queue: str, seen: QueueAttributes | None) -> None:
        """A look at a queue; None when it told nothing, which makes what was known before unknown."""
        self._looks[queue, "failed" if seen is None else "ok"].inc()
        numbers = (math.nan,) * 3 if seen is None else (seen.visible, seen.in_flight, seen.delayed)
        for state, number in zip(_STATES_OF_MESSAGES, numbers, strict=True):
            self._queue_messages.labels(queue, state).set(number)
        if seen is not None:
            self._queue_retention.labels(queue).set(seen.retention)

    def _add_queues(self) -> None:
        self._queue_messages = Gauge(
            "sluice_producer_queue_messages",
            "Messages in the queue and in the dead-letter queue (SQS's own approximation, asked for "
            "once a minute); NaN while unknown.",
            ["queue", "state"],
            registry=self.registry,
        )
        self._queue_retention = Gauge(
            "sluice_producer_queue_retention_seconds",
            "How long the queue keeps a message; NaN while unknown.",
            ["queue"],
            registry=self.registry,
        )
        for queue in QUEUES:
            self._queue_retention.labels(queue).set(math.nan)
            for state in _STATES_OF_MESSAGES:
                self._queue_messages.labels(queue, state).set(math.nan)
        looks = self._counter(
            "queue_looks", "Looks at each of the two queues, by result.", "queue", "result"
        )
        self._looks = {
            (queue, result): looks.labels(queue, result)
            for queue in QUEUES
            for result in ("ok", "failed")
        }

    def _accept(self, events: int) -> None:
        with self._lock:
            self._accepted += events

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"sluice_producer_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"sluice_producer_{name}", text, registry=self.registry)


Runtime: TypeAlias = runtime.Runtime[Metrics]
