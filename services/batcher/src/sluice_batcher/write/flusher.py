"""The flush: a closed batch becomes objects, all are stored, and only then its messages may be deleted."""

import threading
from collections.abc import Sequence
from functools import partial

from sluice_core import reasons
from sluice_core.deadletter import DeadLetter, event_dead_letter
from sluice_core.deadletter.outbox import DeadLetterOutbox
from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime

from sluice_batcher.inflight.buffer import Batch, Buffer
from sluice_batcher.inflight.held import Held, InFlight
from sluice_batcher.inflight.identity import QueueIdentity
from sluice_batcher.metrics import Metrics
from sluice_batcher.write.heartbeats import Heartbeats
from sluice_batcher.write.objects import FailedRow, ObjectMaker
from sluice_batcher.write.untimed import Untimed
from sluice_batcher.write.upload import Uploader

_log = get_logger(__name__)


class Flusher:
    """A stage that flushes one batch at a time, beside others. `flush_rest`: a close flushes what is no full batch, too."""

    def __init__(
        self,
        name: str,
        buffer: Buffer,
        in_flight: InFlight,
        maker: ObjectMaker,
        uploader: Uploader,
        *,
        dead_letters: DeadLetterOutbox,
        heartbeats: Heartbeats,
        untimed: Untimed,
        identity: QueueIdentity,
        wake: threading.Event,
        runtime: Runtime[Metrics],
        flush_rest: bool = True,
    ) -> None:
        self.name = name
        self._buffer = buffer
        self._in_flight = in_flight
        self._maker = maker
        self._uploader = uploader
        self._dead_letters = dead_letters
        self._heartbeats = heartbeats
        self._untimed = untimed
        self._identity = identity
        self._clock = runtime.clock
        self._metrics = runtime.metrics
        self._flush_rest = flush_rest
        self.wake = wake

    def step(self) -> bool:
        """Flushes the oldest batch that is due; False when none is.

        Raises retry.Stopped when the stop is forced before S3 has it: its messages stay held, undeleted.
        """
        self.wake.clear()
        started = self._clock.monotonic()
        batch = self._buffer.take(started)
        self._metrics.held_rows.set(self._buffer.rows)
        if batch is None:
            return False
        ours = self._still_ours(batch)
        stored = self._flush([held for held in ours if held.heartbeat is None])
        self._beat([held for held in ours if held.heartbeat is not None], stored=stored)
        self._buffer.done(batch)
        metrics = self._metrics
        metrics.held_rows.set(self._buffer.rows)
        if not batch.rows:
            return True  # heartbeats alone are no batch
        metrics.flushes.labels(batch.reason).inc()
        metrics.batch_rows.observe(batch.rows)
        metrics.flush_seconds.observe(self._clock.monotonic() - started)
        metrics.last_flush.set(self._clock.now())
        return True

    def due_in(self) -> float | None:
        """Seconds until the next step has something to do, as far as is known."""
        return self._buffer.due_in(self._clock.monotonic())

    def close(self) -> None:
        """See `Stage`: the receivers have ended."""
        if self._flush_rest:
            self._buffer.close_open()

    def _still_ours(self, batch: Batch) -> list[Held]:
        """The batch without the messages that SQS gives, or gave, to somebody again.

        Not without asking: a queue that was deleted and made again gives nothing back, and then what is
        held here is all that is left of its messages.
        """
        now = self._clock.monotonic()
        lost = self._in_flight.lost(batch.messages, now)
        if lost:
            generation = self._identity.generation()
            lost = [held for held in lost if held.generation == generation]
        if not lost:
            return batch.messages
        for held in lost:
            self._in_flight.drop(held)
        self._metrics.returned_lost.inc(len(lost))
        _log.warning("leases were lost, SQS delivers again", messages=len(lost))
        gone = {id(held) for held in lost}
        return [held for held in batch.messages if id(held) not in gone]

    def _beat(self, heartbeats: Sequence[Held], *, stored: bool) -> None:
        if heartbeats:
            self._heartbeats.through(heartbeats, stored=stored)
            self._in_flight.fulfil(heartbeats)

    def _flush(self, messages: Sequence[Held]) -> bool:
        """True when S3 has an object of these messages."""
        if not messages:
            return False
        try:
            made = self._maker.make(messages)
        except Exception:  # noqa: BLE001  (a bug in us must not make one message stop all others)
            return self._apart(messages)
        if not made.failed:
            self._in_flight.encoded(messages)
        if made.objects:
            self._uploader.store(made.objects)
        self._metrics.nulled.inc(made.nulled)
        self._untimed.written(made.untimed)
        self._metrics.transform_failures.inc(made.calls_failed)
        self._metrics.dropped.inc(made.dropped)
        self._dead_letter(made.failed)
        self._in_flight.fulfil(messages)
        return bool(made.objects)

    def _apart(self, messages: Sequence[Held]) -> bool:
        """Halves until the one message that cannot be flushed stands alone, and leaves that in the queue.

        Its lease runs out; after the queue's maxReceiveCount it is in the dead-letter queue.
        """
        if len(messages) > 1:
            half = len(messages) // 2
            return any([self._flush(messages[:half]), self._flush(messages[half:])])
        _log.exception("message cannot be flushed", message_id=messages[0].message_id)
        self._in_flight.drop(messages[0])
        self._metrics.returned_unflushable.inc()
        return False

    def _dead_letter(self, failed: Sequence[FailedRow]) -> None:
        """Dead letters for the events that the hook failed on; their messages wait for these, too."""
        dead_letters: dict[Held, list[DeadLetter]] = {}
        for row in failed:
            dead_letter = event_dead_letter(
                row.held.events[row.position],
                reasons.TRANSFORM_FAILED,
                row.why,
                source=row.held.source,
                pack_id=row.held.pack_id,
                position=row.position,
                attributes=row.held.attributes_of(row.position),
            )
            dead_letters.setdefault(row.held, []).append(dead_letter)
        if failed:
            _log.error("transform failed, events go to the dead-letter queue", events=len(failed))
        for held, own in dead_letters.items():
            self._in_flight.add_duty(held)
            self._dead_letters.put(own, partial(self._in_flight.fulfil, [held]))
