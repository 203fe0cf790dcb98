"""Packs to messages that SQS takes, whatever it takes: halves, a plain message, at last a dead letter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sluice_core import wire
from sluice_core.limits import SQS_MAX_BYTES
from sluice_core.sqs import OutMessage

from sluice_producer.acks import Unit
from sluice_producer.packer import Pack


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and the events in it; `message` is None when SQS takes the one event in no form."""

    unit: Unit
    message: OutMessage | None
    events: list[bytes]
    ids: list[str]


@dataclass(frozen=True)
class Encoder:
    """`target`: bytes aimed at for a pack; `limit`: what the queue takes. `learn` hears (raw, message) bytes."""

    source: str
    plain: bool
    target: int
    limit: int = SQS_MAX_BYTES
    learn: Callable[[int, int], None] = lambda _raw, _message: None

    def encode(self, pack: Pack) -> Iterator[Parcel]:
        """The messages of a pack, in the order of its events."""
        if self.plain:
            for event, event_id in zip(pack.events, pack.ids, strict=True):
                yield self._lone(pack.unit, event, event_id)
        else:
            yield from self._packed(pack.unit, pack.events, pack.ids, pack.carry_ids)

    def _packed(
        self, unit: Unit, events: list[bytes], ids: list[str], carry: bool
    ) -> Iterator[Parcel]:
        message = wire.encode_pack(events, source=self.source, ids=ids, carry_ids=carry)
        size = message.size
        self.learn(sum(map(len, events)) + len(events), size)
        if size <= min(self.target, self.limit) or (len(events) == 1 and size <= self.limit):
            yield Parcel(unit, message, events, ids)
        elif len(events) == 1:
            yield self._lone(unit, events[0], ids[0])
        else:
            half = len(events) // 2
            yield from self._packed(unit, events[:half], ids[:half], carry)
            yield from self._packed(unit, events[half:], ids[half:], carry)

    def _lone(self, unit: Unit, event: bytes, event_id: str) -> Parcel:
        message = wire.encode_plain(event, source=self.source, event_id=event_id)
        return Parcel(unit, message if message.size <= self.limit else None, [event], [event_id])
