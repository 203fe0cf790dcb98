"""Events that cannot be sent: dead letters, in a thread of their own, so that the stream does not wait for them.

An event counts as acknowledged only when the dead-letter queue has accepted it. What waits weighs in `acks` as
all else that is not accepted, so that reading pauses when it is too much.
"""

from collections.abc import Mapping
from functools import partial

from sluice_core.deadletter import DeadLetter
from sluice_core.deadletter.outbox import DeadLetterOutbox, Delivery

from sluice_producer.metrics import Runtime
from sluice_producer.progress.acks import AckGroup, Acks


class DeadEvents:
    """What could not be sent, with the group that waits for it; `outbox`, a stage, delivers."""

    def __init__(self, delivery: Delivery, acks: Acks, runtime: Runtime, *, source: str) -> None:
        self.outbox = DeadLetterOutbox(delivery, runtime, count=self._accepted)
        self._acks = acks
        self._source = source
        self._metrics = runtime.metrics
        self._clock = runtime.clock

    def put(
        self, body: str, reason: str, detail: str, group: AckGroup, attributes: dict[str, str]
    ) -> None:
        """Takes an event; `group` already waits for it. `attributes`: `wire.event_attributes`."""
        dead_letter = DeadLetter(body, reason, detail, source=self._source, original=attributes)
        self.outbox.put([dead_letter], partial(self._acks.done, group))

    def _accepted(self, by_reason: Mapping[str, int]) -> None:
        self._metrics.dead_lettered(by_reason, self._clock.now())
