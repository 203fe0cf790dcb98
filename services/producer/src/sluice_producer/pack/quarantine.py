"""Dead letters on their way, in a thread of their own: the stream does not wait for the dead-letter queue.

An event counts as acknowledged only when the dead-letter queue has accepted it.
"""

from dataclasses import dataclass

from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.service.retry import Stopped

from sluice_producer.pack.outbox import Outbox
from sluice_producer.progress.acks import Acks, Unit
from sluice_producer.runtime import Runtime

_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class _Item:
    letter: DeadLetter
    unit: Unit


class Quarantine:
    """What could not be sent, with the unit that waits for it."""

    def __init__(self, letters: DeadLetters, acks: Acks, runtime: Runtime, *, source: str) -> None:
        self._letters = letters
        self._acks = acks
        self._source = source
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._stop = runtime.stop
        self._items: Outbox[_Item] = Outbox()
        runtime.health.register("quarantine", 300)

    def put(
        self, body: str, reason: str, detail: str, unit: Unit, attributes: dict[str, str]
    ) -> None:
        """Takes an event; `unit` already waits for it. `attributes`: `wire.event_attributes`."""
        self._metrics.dead(reason)
        letter = DeadLetter(body, reason, detail, source=self._source, original=attributes)
        self._items.put(_Item(letter, unit))

    def close(self) -> None:
        """Nothing more will be put."""
        self._items.close()

    def run(self) -> None:
        """Delivers until closed and empty, or the stop is forced. Raises PermanentError."""
        while not self._stop.forced:
            self._health.beat("quarantine")
            items = self._items.take(_AT_ONCE, 1.0)
            if items is None:
                break
            if not items:
                continue
            try:
                self._letters.send([item.letter for item in items])
            except Stopped:
                break
            self._health.set_ready("dead-letter queue", ready=True)
            for item in items:
                self._acks.done(item.unit)
        self._health.forget("quarantine")
