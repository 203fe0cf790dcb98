"""Where a Wikimedia stream resumes without loss.

EventStreams is Kafka behind SSE. An event's id names, for each topic of the stream, the Kafka timestamp of
the last event read from it, plus one millisecond; resuming there asks Kafka for the first offset whose
timestamp is at least that. But offset order is not timestamp order (an event may be 20 s late), so the id of
the last event can point past events with higher offsets and lower timestamps, or past its own equals.

The place that loses nothing is the *maximum* timestamp over everything read so far: Kafka's answer is never
after the offset of the event that has it. What that answer repeats is known by `meta.id`: the events read at
or after the first one with that timestamp. Those ids travel with the position.

An id may name offsets and no timestamps. Within a partition offsets are in the order of reading, so that the
last one accepted is the place, as the source wrote it, and nothing is repeated.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec

MAX_IDS: Final = 50_000
"""Ids kept a topic. Beyond it (a source whose clock was wrong by hours) the oldest go: duplicates, not loss."""

Topic = tuple[str, int]
"""A Kafka topic and partition."""


class Position(msgspec.Struct, frozen=True, gc=False):
    """What one event tells of the position.

    `topic`: where it was read, None when unknown; `timestamp`: its Kafka timestamp in milliseconds, None when
    its id does not tell; `topics`: all topics of the stream (the same object for the same topics); `offsets`:
    the place in those of them whose entry has an offset and no timestamp.
    """

    topic: Topic | None
    timestamp: int | None
    topics: tuple[Topic, ...]
    offsets: tuple[tuple[Topic, int], ...] = ()


NOWHERE: Final = Position(None, None, ())


class _Entry(msgspec.Struct, gc=False):
    topic: str
    partition: int = 0
    timestamp: int | None = None
    offset: int | None = None


class PositionReader:
    """Reads positions from SSE ids; keeps the topics' tuples shared, since they hardly ever change."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(list[_Entry]).decode
        self._topics: dict[tuple[Topic, ...], tuple[Topic, ...]] = {}

    def read(self, sse_id: str, topic: str | None, partition: int) -> Position:
        """The position of an event with that SSE id, read from that topic (`meta.topic`, `meta.partition`).

        An id that is no list of topics gives NOWHERE: such an event does not move the position.
        """
        try:
            entries = self._decode(sse_id)
        except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
            return NOWHERE
        found = tuple([(e.topic, e.partition) for e in entries])
        topics = self._topics.get(found)
        if topics is None:
            topics = self._topics[found] = found
        own: Topic | None = None
        timestamp, dated = None, False
        for entry, name in zip(entries, topics, strict=True):
            dated = dated or entry.timestamp is not None
            if own is None and entry.topic == topic and entry.partition == partition:
                own, timestamp = name, entry.timestamp
        if own is None and entries:
            # Not told: the topic that was read last is the one with the newest timestamp.
            last = max(entries, key=lambda e: e.timestamp or -1)
            own, timestamp = (last.topic, last.partition), last.timestamp
        offsets = () if dated else _offsets(entries)
        if own is None or timestamp is None:
            return Position(None, None, topics, offsets)
        return Position(own, timestamp - 1, topics, offsets)


def _offsets(entries: list[_Entry]) -> tuple[tuple[Topic, int], ...]:
    """The places in an id without any timestamp; -1 is a topic that nothing was read from.

    Beside a timestamp an offset is where a resume by timestamp has put the reader in a topic that nothing was
    read from since: the timestamp that it was asked for is the better place.
    """
    return tuple(
        [
            ((e.topic, e.partition), e.offset)
            for e in entries
            if e.offset is not None and e.offset >= 0
        ]
    )


class Window:
    """One topic: its maximum timestamp, and the ids that a resume from there would repeat. Milliseconds."""

    def __init__(
        self,
        rewind: int,
        recent: Iterable[tuple[int, str]] = (),
        maximum: int | None = None,
        offset: int | None = None,
    ) -> None:
        self._rewind = rewind
        self.recent: deque[tuple[int, str]] = deque(recent, MAX_IDS)
        self.maximum = maximum
        self.offset = offset
        self.forgot = False

    @property
    def remembered_from(self) -> int | None:
        """The timestamp from which ids are remembered, when older ones had to go; None when none had to."""
        return self.recent[0][0] if self.forgot and self.recent else None

    @property
    def resume_at(self) -> int | None:
        """The timestamp to resume from; None before the first event."""
        return None if self.maximum is None else max(0, self.maximum - self._rewind)

    def advance(self, timestamp: int, event_id: str) -> list[str]:
        """Adds an event that was read; gives the ids that a resume would no longer repeat."""
        recent = self.recent
        self.offset = None
        gone = [recent.popleft()[1]] if len(recent) == MAX_IDS else []
        self.forgot = self.forgot or bool(gone)
        recent.append((timestamp, event_id))
        if self.maximum is None or timestamp > self.maximum:
            self.maximum = timestamp
            place = timestamp - self._rewind
            while recent[0][0] < place:
                gone.append(recent.popleft()[1])
        return gone

    def state(self, topic: Topic) -> dict[str, Any]:
        """For the checkpoint."""
        state = {
            "topic": topic[0],
            "partition": topic[1],
            "timestamp": self.maximum,
            "ids": [list(item) for item in self.recent],
        }
        if self.offset is not None:
            state["offset"] = self.offset
        return state
