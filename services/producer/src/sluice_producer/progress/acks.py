"""How far everything has arrived: the contiguous prefix of what was read that SQS has accepted.

Packs are accepted in any order; only when a unit and all before it are done does the position move past it.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sluice_core.service.clock import Clock
from sluice_core.service.stop import Stop

from sluice_producer.progress.position import Position

SENT: Final = "sent"
REPEATED: Final = "repeated"
DEAD: Final = "dead"
FILTERED: Final = "filtered"

_MARK_BYTES: Final = 500
"""About what one event's mark weighs in memory, whatever its body."""


class Mark(NamedTuple):
    """One event that was read: its id, the SSE id in force, its position, and what became of it.

    `digest`: a short one of its content, for the ledger; empty without one.
    """

    event_id: str
    sse_id: str
    position: Position
    state: str
    digest: str = ""


@dataclass(slots=True)
class Unit:
    """Consecutive events that are acknowledged together: those of a pack and what was filtered between them.

    `waiting`: messages and dead letters not accepted yet; one more while the unit is being filled. `dead`:
    ids of events that were to be sent and became dead letters after all.
    """

    marks: list[Mark] = field(default_factory=list)
    waiting: int = 1
    weight: int = 0
    dead: set[str] = field(default_factory=set)


class Acks:
    """Thread-safe. `settled` gets finished units in the order in which they were read, one call at a time.

    `room`: bytes (bodies, and a share for each mark) that may be unsettled before it is `full`.
    """

    def __init__(self, settled: Callable[[Sequence[Unit]], None], *, room: int) -> None:
        self._settled = settled
        self._room = room
        self._units: deque[Unit] = deque()
        self._weight = 0
        self._events = 0
        self.lock = threading.RLock()
        self._freed = threading.Event()
        self.full = False

    @property
    def buffered_events(self) -> int:
        """Events read and not settled; those of the unit being filled count once it is closed."""
        return self._events

    @property
    def idle(self) -> bool:
        """Whether nothing is unsettled."""
        return not self._units

    def open(self) -> Unit:
        """A new unit, after all that were opened before it."""
        unit = Unit()
        with self.lock:
            self._units.append(unit)
        return unit

    def close(self, unit: Unit, body_bytes: int) -> None:
        """The unit is full: it weighs `body_bytes` and its marks until it is settled."""
        with self.lock:
            unit.weight = body_bytes + _MARK_BYTES * len(unit.marks)
            self._weight += unit.weight
            self.full = self._weight >= self._room
            self._events += len(unit.marks)

    def expect(self, unit: Unit, count: int = 1) -> None:
        """The unit waits for `count` acceptances more."""
        with self.lock:
            unit.waiting += count

    def done(self, unit: Unit, count: int = 1) -> None:
        """`count` of what the unit waits for has happened."""
        with self.lock:
            unit.waiting -= count
            finished: list[Unit] = []
            while self._units and self._units[0].waiting == 0:
                finished.append(self._units.popleft())
            if finished:
                self._settled(finished)
                self._weight -= sum(u.weight for u in finished)
                self._events -= sum(len(u.marks) for u in finished)
                self.full = self._weight >= self._room
                self._freed.set()

    def wait_for_room(self, stop: Stop, clock: Clock, beat: Callable[[], None]) -> None:
        """Waits while too much is unsettled; returns early when a stop is requested."""
        while self.full and not stop.requested:
            self._freed.clear()
            if self.full:
                beat()
                clock.wait(self._freed, 0.5)
