"""A packer and an encoder over a clock that moves when told. For tests."""

from sluice_core.testing import FakeClock

from sluice_producer.pack.encoder import EncodedMessage, Encoder
from sluice_producer.pack.filter import Extra
from sluice_producer.pack.packer import Pack, Packer, PackLimits
from sluice_producer.progress.acks import SENT, AckGroup, Acks, EventRecord
from sluice_producer.progress.position import NOWHERE


def record(name: str, state: str = SENT) -> EventRecord:
    """An event that was read nowhere in particular."""
    return EventRecord(name, "", NOWHERE, state)


class Bench:
    """Adds events, and keeps the packs that are full; `settled`: groups that are acknowledged."""

    def __init__(self, limits: PackLimits, *, plain: bool = False, room: int = 2**40) -> None:
        self.settled: list[AckGroup] = []
        self.clock = FakeClock()
        self.acks = Acks(self.settled.extend, room=room)
        self.packer = Packer(limits, self.acks, self.clock, plain=plain)
        self.encoder = Encoder("s", plain, limits.message_bytes, learn=self.packer.learn)
        self.added = 0
        self.packs: list[Pack] = []

    def add(self, event: bytes, extra: Extra | None = None) -> list[Pack]:
        """Adds one event, named by its number; gives the packs that are full now."""
        full = self.packer.add(event, record(f"id{self.added}"), extra)
        self.added += 1
        self.packs += full
        return full

    def flush(self) -> None:
        """Closes what is being filled."""
        pack = self.packer.flush()
        if pack:
            self.packs.append(pack)

    def parcels(self) -> list[EncodedMessage]:
        """The messages of all packs so far."""
        return [parcel for pack in self.packs for parcel in self.encoder.encode(pack)]
