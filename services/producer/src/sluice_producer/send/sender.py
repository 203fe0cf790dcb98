"""Messages to SQS, by several threads: what SQS did not accept by name is not sent.

A partial failure is retried alone, with backoff and jitter, for as long as it takes; only what SQS can never
accept goes to the dead-letter queue. A reply that was lost means a second sending: a duplicate, not a loss.
"""

import random
from collections.abc import Sequence
from itertools import groupby

from sluice_core import reasons
from sluice_core.aws.sqs import QueueLike, RefusedEntry, chunked
from sluice_core.errors import TemporaryError
from sluice_core.limits import SQS_BATCH_ENTRIES
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff

from sluice_producer.metrics import Runtime
from sluice_producer.pack.dead_events import DeadEvents
from sluice_producer.pack.encoder import EncodedMessage, Encoder
from sluice_producer.pack.packer import Outbox, Pack
from sluice_producer.progress.acks import Acks

_log = get_logger(__name__)


class Sender:
    """A stage: one of those that share an outbox."""

    def __init__(
        self,
        name: str,
        queue: QueueLike,
        encoder: Encoder,
        *,
        outbox: Outbox,
        acks: Acks,
        dead_events: DeadEvents,
        runtime: Runtime,
        rng: random.Random,
    ) -> None:
        self.name = name
        self._queue = queue
        self._encoder = encoder
        self._outbox = outbox
        self._acks = acks
        self._dead_events = dead_events
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._stop = runtime.stop
        self._clock = runtime.clock
        self._rng = rng
        self.wake = outbox.wake

    def step(self) -> bool:
        """Sends ten packs at most."""
        packs = self._outbox.take(SQS_BATCH_ENTRIES)
        if packs:
            self._send(packs)
        return bool(packs)

    def due_in(self) -> float | None:
        """See `Stage`."""
        return None

    def close(self) -> None:
        """See `Stage`: what is in the outbox is still sent."""

    def _send(self, packs: Sequence[Pack]) -> None:
        encoded: list[EncodedMessage] = []
        for pack in packs:
            made = list(self._encoder.encode(pack))
            self._acks.expect(pack.group, len(made))
            encoded += [one for one in made if one.message is not None]
            for one in made:
                if one.message is None:
                    detail = (
                        f"{len(one.events[0])} bytes fit into no message of {self._encoder.limit}"
                    )
                    self._add_dead_letters(one, reasons.TOO_LARGE, detail)
            if pack.heartbeat is None:
                self._metrics.flushed(pack.trigger)
            self._acks.done(pack.group)
            # The bodies live on in the encoded messages only; a group may wait long for another sender's.
            pack.events, pack.ids, pack.extras = [], [], []
        start = 0
        for part in chunked(p.message for p in encoded if p.message is not None):
            self._deliver(encoded[start : start + len(part)])
            start += len(part)

    def _deliver(self, encoded: list[EncodedMessage]) -> None:
        backoff = Backoff(rng=self._rng)
        while encoded and not self._stop.forced:
            try:
                refused = self._attempt(encoded)
            except TemporaryError as error:
                self._metrics.send_failures.labels("call").inc()
                self._pause(backoff, str(error), error.delay)
                continue
            failed = {entry.index: entry for entry in refused}
            self._accepted([one for index, one in enumerate(encoded) if index not in failed])
            for index, one in enumerate(encoded):
                if index in failed and failed[index].permanent:
                    self._add_dead_letters(
                        one,
                        reasons.REFUSED_BY_QUEUE,
                        f"{failed[index].code}: {failed[index].detail}",
                    )
            encoded = [p for i, p in enumerate(encoded) if i in failed and not failed[i].permanent]
            if encoded:
                self._metrics.send_failures.labels("entry").inc(len(encoded))
                self._pause(backoff, f"{len(encoded)} entries failed: {_codes(refused)}", None)
        self._health.set_ready("queue", ready=True)

    def _attempt(self, encoded: Sequence[EncodedMessage]) -> list[RefusedEntry]:
        started = self._clock.monotonic()
        refused = self._queue.send([p.message for p in encoded if p.message is not None])
        self._metrics.send_seconds.observe(self._clock.monotonic() - started)
        return refused

    def _accepted(self, messages: Sequence[EncodedMessage]) -> None:
        """Counted and acknowledged by the call, and by the group: messages of one stand side by side."""
        self._metrics.sent(
            len(messages),
            sum([len(one.events) for one in messages]),
            sum([len(event) for one in messages for event in one.events]),
            sum([one.message.size for one in messages if one.message is not None]),
        )
        heartbeats = [one for one in messages if not one.events]
        if heartbeats:
            self._metrics.heartbeats.inc(len(heartbeats))
        for _, same in groupby(messages, key=lambda one: id(one.group)):
            ours = list(same)
            self._acks.done(ours[0].group, len(ours))

    def _add_dead_letters(self, one: EncodedMessage, reason: str, detail: str) -> None:
        """Each event becomes a dead letter of its own, so that each can be redriven; a heartbeat has none."""
        if not one.events:
            _log.warning("queue refuses a heartbeat for good", why=detail)
        self._acks.expect(one.group, len(one.events))
        one.group.dead.update(one.ids)
        for event, attributes in one.lone():
            self._dead_events.put(event.decode(), reason, detail, one.group, attributes)
        self._acks.done(one.group)

    def _pause(self, backoff: Backoff, why: str, at_least: float | None) -> None:
        delay = backoff.next(at_least=at_least)
        self._health.set_ready("queue", ready=False, why=why)
        _log.warning("queue does not accept", why=why, retry_in_seconds=round(delay, 2))
        self._health.beat(self.name)
        self._clock.wait(self._stop.forced_event, delay)


def _codes(refused: Sequence[RefusedEntry]) -> str:
    return ", ".join(sorted({entry.code for entry in refused}))
