"""Packs to messages that SQS takes, whatever it takes: halves, a plain message, at last a dead letter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sluice_core import wire
from sluice_core.aws.messages import OutMessage
from sluice_core.limits import SQS_MAX_BYTES
from sluice_core.wire.beside import DEFAULT_TYPE

from sluice_producer.pack.filter import Extra
from sluice_producer.pack.packer import Pack
from sluice_producer.progress.acks import AckGroup


@dataclass(slots=True)
class EncodedMessage:
    """A message and the events in it (a heartbeat holds none); `message` is None when SQS takes the one event in no form."""

    group: AckGroup
    message: OutMessage | None
    events: list[bytes]
    ids: list[str]
    extras: list[Extra | None]

    def lone(self) -> Iterator[tuple[bytes, dict[str, str]]]:
        """Each event with the attributes that tell of it when it goes alone."""
        for event, event_id, extra in zip(self.events, self.ids, padded(self), strict=True):
            kind, sse_id = (extra.type, extra.sse_id) if extra else (DEFAULT_TYPE, None)
            yield event, wire.event_attributes(event_id, kind, sse_id)


def padded(of: "Pack | EncodedMessage") -> list[Extra | None]:
    """What travels beside each event, also where nothing does."""
    return of.extras or [None] * len(of.events)


@dataclass(frozen=True)
class Encoder:
    """`target`: bytes aimed at for a pack; `limit`: what the queue takes. `learn` hears (raw, message) bytes."""

    source: str
    plain: bool
    target: int
    limit: int = SQS_MAX_BYTES
    learn: Callable[[int, int], None] = lambda _raw, _message: None

    def encode(self, pack: Pack) -> Iterator[EncodedMessage]:
        """The messages of a pack, in the order of its events."""
        if pack.heartbeat is not None:
            message = wire.encode_heartbeat(self.source, pack.heartbeat)
            yield EncodedMessage(pack.group, message, [], [], [])
        elif self.plain:
            for event, event_id, extra in zip(pack.events, pack.ids, padded(pack), strict=True):
                yield self._lone(pack.group, event, event_id, extra)
        else:
            yield from self._packed(pack.group, pack.events, pack.ids, pack.extras)

    def _packed(
        self, group: AckGroup, events: list[bytes], ids: list[str], extras: list[Extra | None]
    ) -> Iterator[EncodedMessage]:
        message = self._pack_message(events, ids, extras)
        size = message.size
        self.learn(sum(map(len, events)) + len(events), size)
        if size <= min(self.target, self.limit) or (len(events) == 1 and size <= self.limit):
            yield EncodedMessage(group, message, events, ids, extras)
        elif len(events) == 1:
            yield self._lone(group, events[0], ids[0], extras[0] if extras else None)
        else:
            half = len(events) // 2
            yield from self._packed(group, events[:half], ids[:half], extras[:half])
            yield from self._packed(group, events[half:], ids[half:], extras[half:])

    def _pack_message(
        self, events: list[bytes], ids: list[str], extras: list[Extra | None]
    ) -> OutMessage:
        if not extras:
            return wire.encode_pack(events, source=self.source, ids=ids)
        return wire.encode_pack(
            events,
            source=self.source,
            ids=ids,
            carry_ids=any(extra is not None and extra.carried for extra in extras),
            types=[DEFAULT_TYPE if extra is None else extra.type for extra in extras],
            sse_ids=[None if extra is None else extra.sse_id for extra in extras],
        )

    def _lone(
        self, group: AckGroup, event: bytes, event_id: str, extra: Extra | None
    ) -> EncodedMessage:
        kind, sse_id = (extra.type, extra.sse_id) if extra else (DEFAULT_TYPE, None)
        message = wire.encode_plain(
            event, source=self.source, event_id=event_id, event_type=kind, sse_id=sse_id
        )
        fits = message.size <= self.limit
        return EncodedMessage(group, message if fits else None, [event], [event_id], [extra])
