"""How far everything has arrived: the contiguous prefix of what was read that SQS has accepted.

Packs are accepted in any order; only when a group and all before it are done does the position move past it.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from sluice_core.service.clock import Clock
from sluice_core.service.stop import Stop

from sluice_producer.progress.position import Position

SENT: Final = "sent"
REPEATED: Final = "repeated"
DEAD: Final = "dead"
FILTERED: Final = "filtered"

_RECORD_BYTES: Final = 500
"""About what one event's record weighs in memory, whatever its body."""


class EventRecord(msgspec.Struct, frozen=True, gc=False):
    """One event that was read: its id, the SSE id in force, its position, and what became of it.

    `digest`: a short one of its content, for the ledger; empty without one.
    """

    event_id: str
    sse_id: str
    position: Position
    state: str
    digest: str = ""


@dataclass(slots=True)
class AckGroup:
    """Consecutive events that are acknowledged together: those of a pack and what was filtered between them.

    `waiting`: messages and dead letters not accepted yet; one more while the group is being filled. `dead`:
    ids of events that were to be sent and became dead letters after all.
    """

    records: list[EventRecord] = field(default_factory=list)
    waiting: int = 1
    weight: int = 0
    dead: set[str] = field(default_factory=set)


class Acks:
    """Thread-safe. `settled` gets finished groups in the order in which they were read, one call at a time, from a
    thread that has just reported an acceptance, and without the lock: it may write a file. What it raises is the
    end: nothing is settled after it.

    `room`: bytes (bodies, and a share for each record) that may be unsettled before it is `full`.
    """

    def __init__(self, settled: Callable[[Sequence[AckGroup]], None], *, room: int) -> None:
        self._settled = settled
        self._room = room
        self._groups: deque[AckGroup] = deque()
        self._weight = 0
        self._events = 0
        self._settling = False
        self.lock = threading.Lock()
        self._freed = threading.Event()
        self.full = False

    @property
    def buffered_events(self) -> int:
        """Events read and not settled; those of the group being filled count once it is closed."""
        return self._events

    @property
    def idle(self) -> bool:
        """Whether nothing is unsettled."""
        return not self._groups

    def open(self) -> AckGroup:
        """A new group, after all that were opened before it."""
        group = AckGroup()
        with self.lock:
            self._groups.append(group)
        return group

    def close(self, group: AckGroup, body_bytes: int) -> None:
        """The group is full: it weighs `body_bytes` and its records until it is settled."""
        with self.lock:
            group.weight = body_bytes + _RECORD_BYTES * len(group.records)
            self._weight += group.weight
            self.full = self._weight >= self._room
            self._events += len(group.records)

    def expect(self, group: AckGroup, count: int = 1) -> None:
        """The group waits for `count` acceptances more."""
        with self.lock:
            group.waiting += count

    def done(self, group: AckGroup, count: int = 1) -> None:
        """`count` of what the group waits for has happened."""
        with self.lock:
            group.waiting -= count
        while finished := self._finished():
            self._settled(finished)
            with self.lock:
                self._weight -= sum(each.weight for each in finished)
                self._events -= sum(len(each.records) for each in finished)
                self.full = self._weight >= self._room
                self._settling = False
            self._freed.set()

    def _finished(self) -> list[AckGroup]:
        """The next groups to settle, now the caller's alone; none while another thread settles: it asks again."""
        finished: list[AckGroup] = []
        with self.lock:
            while not self._settling and self._groups and self._groups[0].waiting == 0:
                finished.append(self._groups.popleft())
            self._settling = self._settling or bool(finished)
        return finished

    def wait_for_room(self, stop: Stop, clock: Clock, beat: Callable[[], None]) -> None:
        """Waits while too much is unsettled; returns early when a stop is requested."""
        while self.full and not stop.requested:
            self._freed.clear()
            if self.full:
                beat()
                clock.wait(self._freed, 0.5)
