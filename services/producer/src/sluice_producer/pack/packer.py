"""Events to packs: a pack is full by events, by bytes after base64, or by age, whichever comes first.

How much a pack will weigh is known only after compression, which the senders do, in parallel. So the packer
expects what the last packs' ratio was; the sender halves a pack that turns out too big.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from sluice_core.limits import SQS_BATCH_ENTRIES
from sluice_core.service.clock import Clock
from sluice_core.wire import beside

from sluice_producer.metrics import AGE, BYTES, EVENTS, STOP
from sluice_producer.pack.filter import Extra, extra_chars
from sluice_producer.progress.acks import AckGroup, Acks, EventRecord


@dataclass(slots=True)
class Pack:
    """Events that go out together, and the group that they are acknowledged by.

    `extras`: what travels beside each event; empty while there is nothing, which is the common case.
    `raw_bytes`: lines, uncompressed. `heartbeat`: when it was made (epoch seconds), of a pack that is one and
    holds nothing else.
    """

    group: AckGroup
    opened_at: float
    events: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    raw_bytes: int = 0
    other_bytes: int = 0
    extras: list[Extra | None] = field(default_factory=list)
    extra_chars: int = 0
    trigger: str = ""
    heartbeat: float | None = None


class Outbox:
    """Packs on their way to the senders, in order; `wake` is set when there is another.

    Bounded by what `acks` lets in, not by a length of its own.
    """

    def __init__(self) -> None:
        self._items: deque[Pack] = deque()
        self._lock = threading.Lock()
        self.wake = threading.Event()

    def put(self, pack: Pack) -> None:
        """Adds a pack; never waits."""
        with self._lock:
            self._items.append(pack)
        self.wake.set()

    def take(self, most: int) -> list[Pack]:
        """Up to `most` packs, at once."""
        with self._lock:
            return [self._items.popleft() for _ in range(min(most, len(self._items)))]


PLAIN_MAX_AGE: Final = 1.0
"""Plain messages wait only for their batch to fill: seconds."""
_FIRST_RATIO: Final = 0.4
_AIM: Final = 0.94
"""The share of the limit that is aimed at, so that few packs come out too big."""
_LEARNING: Final = 0.2


@dataclass(frozen=True)
class PackLimits:
    """`events`: 0 = no such limit. `message_bytes` after base64, attributes included; `raw_bytes` before; `age` in seconds."""

    events: int
    message_bytes: int
    raw_bytes: int
    age: float

    @classmethod
    def plain(cls, raw_bytes: int, age: float) -> "PackLimits":
        """For one event a message: as many as a SendMessageBatch takes."""
        return cls(SQS_BATCH_ENTRIES, raw_bytes, raw_bytes, min(age, PLAIN_MAX_AGE))


class Packer:
    """Thread-safe; the reading thread adds, a timer asks for what is due."""

    def __init__(
        self, limits: PackLimits, acks: Acks, clock: Clock, *, plain: bool = False
    ) -> None:
        self._limits = limits
        self._acks = acks
        self._clock = clock
        self._plain = plain
        self._ratio = 1.0 if plain else _FIRST_RATIO
        self._max_events = limits.events or 2**62
        self._aim = self._aimed()
        self._pack: Pack | None = None
        self._lock = threading.Lock()

    def add(self, event: bytes, record: EventRecord, extra: Extra | None = None) -> list[Pack]:
        """Adds an event; gives the packs that are full now (two, when the event did not fit into the first)."""
        full: list[Pack] = []
        size = len(event) + 1
        with self._lock:
            pack = self._pack or self._open()
            if pack.raw_bytes + size > self._aim and pack.events:
                full.append(self._close(pack, BYTES))
                pack = self._open()
            if extra is not None or pack.extras:
                pack = self._add_extra(pack, extra, record.event_id, full)
            pack.events.append(event)
            pack.ids.append(record.event_id)
            pack.group.records.append(record)
            pack.raw_bytes += size
            if len(pack.events) >= self._max_events:
                full.append(self._close(pack, EVENTS))
            elif pack.raw_bytes >= self._aim:
                full.append(self._close(pack, BYTES))
        return full

    def _add_extra(self, pack: Pack, extra: Extra | None, event_id: str, full: list[Pack]) -> Pack:
        chars = 0 if extra is None else extra_chars(extra, event_id)
        if pack.events and pack.extra_chars + chars > beside.MAX_CHARS:
            full.append(self._close(pack, BYTES))
            pack = self._open()
        pack.extras += [None] * (len(pack.events) - len(pack.extras))
        pack.extras.append(extra)
        pack.extra_chars += chars
        pack.other_bytes += chars
        return pack

    def note(self, record: EventRecord, other_bytes: int = 0) -> tuple[AckGroup, list[Pack]]:
        """Passes over an event that is not sent; `other_bytes` of it are kept elsewhere (a dead letter).

        Gives the group that it belongs to, which waits for a dead letter when there are `other_bytes`.
        """
        with self._lock:
            pack = self._pack or self._open()
            pack.group.records.append(record)
            pack.other_bytes += other_bytes
            if other_bytes:
                self._acks.expect(pack.group)
            marks_full = (
                self._limits.events and len(pack.group.records) >= 100 * self._limits.events
            )
            if pack.other_bytes > self._limits.raw_bytes or marks_full:
                return pack.group, [self._close(pack, BYTES)]
            return pack.group, []

    def due(self) -> tuple[Pack | None, float]:
        """The pack that is old enough, if any, and the seconds until it is worth asking again."""
        with self._lock:
            pack = self._pack
            if pack is None:
                return None, self._limits.age
            left = pack.opened_at + self._limits.age - self._clock.monotonic()
            if left > 0:
                return None, left
            return self._close(pack, AGE), self._limits.age

    def flush(self) -> Pack | None:
        """What is being filled, however little."""
        with self._lock:
            return self._close(self._pack, STOP) if self._pack else None

    def learn(self, raw_bytes: int, message_bytes: int) -> None:
        """A pack of `raw_bytes` became a message of `message_bytes`."""
        if raw_bytes < 1_000:
            return
        with self._lock:
            seen = message_bytes / raw_bytes
            # Up at once, down slowly: a pack that is too big costs a second compression.
            self._ratio = max(seen, self._ratio + _LEARNING * (seen - self._ratio))
            self._aim = self._aimed()

    def _aimed(self) -> int:
        if self._plain:
            return self._limits.raw_bytes
        return min(
            self._limits.raw_bytes, int(_AIM * self._limits.message_bytes / max(self._ratio, 0.01))
        )

    def _open(self) -> Pack:
        self._pack = Pack(self._acks.open(), self._clock.monotonic())
        return self._pack

    def _close(self, pack: Pack, trigger: str) -> Pack:
        self._pack = None
        pack.trigger = trigger
        self._acks.close(pack.group, pack.raw_bytes + pack.other_bytes)
        return pack
