"""Events that cannot be sent: dead letters, in a thread of their own, so that the stream does not wait for them.

An event counts as acknowledged only when the dead-letter queue has accepted it. What waits weighs in `acks` as
all else that is not accepted, so that reading pauses when it is too much.
"""

import threading
from collections.abc import Mapping
from functools import partial

from sluice_core.deadletter import DeadLetter
from sluice_core.deadletter.outbox import DeadLetterOutbox, Delivery
from sluice_core.service.retry import Stopped

from sluice_producer.progress.acks import AckGroup, Acks
from sluice_producer.runtime import Runtime

_IDLE_SECONDS = 1.0


class DeadEvents:
    """What could not be sent, with the group that waits for it; core's outbox delivers."""

    def __init__(self, delivery: Delivery, acks: Acks, runtime: Runtime, *, source: str) -> None:
        self._outbox = DeadLetterOutbox(delivery, runtime, count=self._accepted)
        self._acks = acks
        self._source = source
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._stop = runtime.stop
        self._clock = runtime.clock
        self._closed = threading.Event()
        runtime.health.register(DeadLetterOutbox.name, 300)

    def put(
        self, body: str, reason: str, detail: str, group: AckGroup, attributes: dict[str, str]
    ) -> None:
        """Takes an event; `group` already waits for it. `attributes`: `wire.event_attributes`."""
        dead_letter = DeadLetter(body, reason, detail, source=self._source, original=attributes)
        self._outbox.put([dead_letter], partial(self._acks.done, group))

    def __len__(self) -> int:
        """Events whose dead letter is not accepted yet."""
        return len(self._outbox)

    def close(self) -> None:
        """Nothing more will be put."""
        self._closed.set()
        self._outbox.wake.set()

    def run(self) -> None:
        """Delivers until closed and empty, or the stop is forced."""
        while not self._stop.forced:
            self._health.beat(DeadLetterOutbox.name)
            closed = self._closed.is_set()
            try:
                if self._outbox.step():
                    continue
            except Stopped:
                break
            if closed:
                break
            self._clock.wait(self._outbox.wake, _IDLE_SECONDS)
            self._outbox.wake.clear()
        self._health.forget(DeadLetterOutbox.name)

    def _accepted(self, by_reason: Mapping[str, int]) -> None:
        self._metrics.dead_lettered(by_reason, self._clock.now())
