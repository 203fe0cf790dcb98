"""The resume rule of a kind of source: what to remember of its events and how to ask for the rest.

A producer has two trackers of one kind: one follows what was *delivered* (a reconnect resumes there, since
what is in memory will still be sent), the other what SQS has *accepted* (the checkpoint is made of it).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec
from sluice_core.errors import PermanentError
from sluice_core.service.logs import get_logger

from sluice_producer.metrics import Runtime
from sluice_producer.progress.position import MAX_IDS, Position, Topic, Window
from sluice_producer.source.connection import Resume

_log = get_logger(__name__)

_PRECISION_MS: Final = 60_000
"""How closely the oldest place that a source still has is looked for."""


class TrackerState(msgspec.Struct):
    """What a checkpoint tells of a position; times in milliseconds since the epoch."""

    started_at: int
    topics: list[dict[str, Any]] = []
    last_event_id: str = ""


class Tracker(Protocol):
    """See the module."""

    def seen(self, event_id: str) -> bool:
        """Whether this event is one that the last resume repeats: as often as it was read, and no oftener.

        What the source sends twice by itself is two events, equal or not.
        """
        ...

    def advance(self, event_id: str, sse_id: str, position: Position) -> None:
        """Moves past an event."""
        ...

    def resume(self) -> Resume:
        """The request that continues after all events that were advanced past."""
        ...

    def too_old(self, probe: Callable[[Resume], bool]) -> None:
        """See `supervisor.Resumable`."""
        ...

    def raise_floor(self, floor: int) -> None:
        """Gives up everything before `floor`, milliseconds: the source no longer has it."""
        ...

    def state(self) -> TrackerState:
        """For the checkpoint."""
        ...


class GenericTracker:
    """Any SSE source: Last-Event-ID, as the HTML standard has it."""

    def __init__(
        self, state: TrackerState, on_gap: Callable[[int | None, int | None], None]
    ) -> None:
        self._started_at = state.started_at
        self._last_event_id = state.last_event_id
        self._on_gap = on_gap

    def seen(self, _event_id: str) -> bool:
        """Always False: the standard's resume repeats nothing."""
        return False

    def advance(self, _event_id: str, sse_id: str, _position: Position) -> None:
        """See `Tracker`."""
        self._last_event_id = sse_id

    def resume(self) -> Resume:
        """See `Tracker`."""
        last = self._last_event_id
        # A header's value cannot begin or end with a space (RFC 9110 section 5.5).
        value = last.strip(" \t")
        if last and not sendable(value):
            _log.error("the last event's id fits into no header: reading goes on without it")
            self._give_up()
            return Resume()
        return Resume(headers={"Last-Event-ID": value} if value else {}, last_event_id=last)

    def too_old(self, probe: Callable[[Resume], bool]) -> None:
        """Forgets the id: the standard knows no way to ask for the oldest event.

        Not before it is known that the source takes us without: the id may be good, and something else wrong.
        """
        if not probe(Resume()):
            raise PermanentError(
                "the source refuses us even without an id to resume from; check SLUICE_SOURCE_URL"
            )
        self._give_up()

    def _give_up(self) -> None:
        self._last_event_id = ""
        self._on_gap(None, None)

    def raise_floor(self, _floor: int) -> None:
        """Forgets the id."""
        self._last_event_id = ""

    def state(self) -> TrackerState:
        """See `Tracker`."""
        return TrackerState(self._started_at, last_event_id=self._last_event_id)


class WikimediaTracker:
    """Wikimedia's EventStreams: see `position`. `rewind` in milliseconds.

    `on_gap` hears (where reading had ended, where it goes on), in milliseconds; the latter may be earlier.
    """

    def __init__(
        self,
        state: TrackerState,
        on_gap: Callable[[int | None, int | None], None],
        *,
        rewind: int,
        now: Callable[[], float],
    ) -> None:
        self._floor = state.started_at
        self._on_gap = on_gap
        self._rewind = rewind
        self._now = now
        self._windows: dict[Topic, Window] = {}
        self._topics: tuple[Topic, ...] = ()
        self._ids: dict[str, int] = {}
        self._repeated: dict[str, int] = {}
        self._refused = 0
        for item in state.topics:
            recent = [(int(t), str(i)) for t, i in item["ids"]]
            topic = (str(item["topic"]), int(item["partition"]))
            self._windows[topic] = Window(rewind, recent, item["timestamp"], item.get("offset"))
            # Older ids went, or would have gone next.
            self._windows[topic].forgot = len(recent) == MAX_IDS
            for _t, event_id in recent:
                self._ids[event_id] = self._ids.get(event_id, 0) + 1

    def seen(self, event_id: str) -> bool:
        """See `Tracker`."""
        left = self._repeated.get(event_id, 0)
        if left:
            self._repeated[event_id] = left - 1
        return left > 0

    def advance(self, event_id: str, _sse_id: str, position: Position) -> None:
        """See `Tracker`; a topic is remembered from the first id that names it."""
        topic, timestamp, topics = position.topic, position.timestamp, position.topics
        self._refused = 0
        if topics is not self._topics:
            self._topics = topics
            for name in topics:
                self._windows.setdefault(name, Window(self._rewind))
        for name, offset in position.offsets:
            self._windows[name].offset = offset
        if topic is not None and timestamp is not None:
            self._ids[event_id] = self._ids.get(event_id, 0) + 1
            for gone in self._windows[topic].advance(timestamp, event_id):
                if self._ids[gone] > 1:
                    self._ids[gone] -= 1
                else:
                    del self._ids[gone]

    def resume(self) -> Resume:
        """A `since` until a topic is known; then a timestamp, or an offset, for every topic, never both."""
        self._repeated = self._ids.copy()
        self._tell_what_is_forgotten()
        if not self._windows:
            return _since(self._floor)
        entries = [
            {"topic": topic, "partition": partition}
            | (
                {"timestamp": self._place(window)}
                if window.offset is None
                else {"offset": window.offset}
            )
            for (topic, partition), window in self._windows.items()
        ]
        return Resume(headers={"Last-Event-ID": msgspec.json.encode(entries).decode()})

    def too_old(self, probe: Callable[[Resume], bool]) -> None:
        """Searches, by halves, for the oldest time that the source accepts.

        The gap begins at the newest place: a topic whose place is older was silent until then, or its events
        would have been read.
        """
        places = [self._place(window) for window in self._windows.values()] or [self._floor]
        by_offset = any(window.offset is not None for window in self._windows.values())
        low, high = min(places), int(self._now() * 1000)
        if not probe(_since(high)):
            raise PermanentError("the source refuses every place to resume from, even the present")
        while high - low > _PRECISION_MS:
            middle = (low + high) // 2
            if probe(_since(middle)):
                high = middle
            else:
                low = middle
        self.raise_floor(high)
        self._refused += 1
        if self._refused > 1:
            # Newer places in the same topics were refused as well: it is the topics that the source knows no
            # more. A time alone names none.
            self._windows.clear()
            self._ids.clear()
            self._topics = ()
        # An offset does not tell when its event was: then nobody knows how long the gap is.
        self._on_gap(None if by_offset else max(places), high)

    def raise_floor(self, floor: int) -> None:
        """See `Tracker`."""
        self._floor = max(self._floor, floor)
        for window in self._windows.values():
            window.offset = None

    def state(self) -> TrackerState:
        """See `Tracker`."""
        return TrackerState(
            self._floor, [window.state(topic) for topic, window in self._windows.items()]
        )

    def _tell_what_is_forgotten(self) -> None:
        """A rewind may reach beyond the ids that are remembered: what was sent before them is sent again."""
        for (topic, partition), window in self._windows.items():
            known, place = window.remembered_from, self._place(window)
            if self._rewind and known is not None and place < known:
                _log.warning(
                    "the rewind reaches beyond the remembered ids: events before them are sent again",
                    topic=topic,
                    partition=partition,
                    resumed_at_ms=place,
                    remembered_from_ms=known,
                )

    def _place(self, window: Window) -> int:
        at = window.resume_at
        return self._floor if at is None else max(at, self._floor)


def sendable(value: str) -> bool:
    """Whether an SSE id can be a header's value: visible characters, spaces and tabs (RFC 9110 section 5.5)."""
    return bool(value) and not any((c < " " and c != "\t") or c == "\x7f" for c in value)


def parse_since(text: str) -> int:
    """Milliseconds from a `since` as EventStreams takes it: ISO 8601, or an epoch in seconds or milliseconds.

    Raises ValueError.
    """
    if text.isascii() and text.isdigit():
        number = int(text[:15])
        return number if number > 10**11 else number * 1000
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _since(milliseconds: int) -> Resume:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return Resume(
        params={"since": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    )


def make_tracker(
    state: TrackerState,
    runtime: Runtime,
    *,
    wikimedia: bool,
    rewind: float,
    raise_floor: Callable[[int], None] | None = None,
) -> Tracker:
    """A tracker at `state`, which resumes `rewind` seconds earlier.

    `raise_floor` hears of a place (milliseconds) before which the source has nothing.
    """

    def moved(ended: int | None, taken: int | None) -> None:
        """The place had to be given up; events may be lost unless reading goes on before where it had ended."""
        if raise_floor is not None:
            raise_floor(taken or 0)
        if ended is not None and taken is not None and taken <= ended:
            _log.warning(
                "a silent topic's place was too old: moved, nothing is lost", resumed_at_ms=taken
            )
            return
        # Ids of a generic source tell no time: of its gaps the span is not known.
        seconds = None if ended is None or taken is None else (taken - ended) / 1000
        runtime.metrics.gaps.inc()
        runtime.metrics.last_gap.set(runtime.clock.now())
        runtime.metrics.gap_seconds.inc(seconds or 0.0)
        _log.error(
            "GAP: the source could not be asked for what follows the checkpoint; reading goes on later",
            gap_seconds=seconds,
            resumed_at_ms=taken,
        )

    if not wikimedia:
        return GenericTracker(state, moved)
    return WikimediaTracker(state, moved, rewind=round(rewind * 1000), now=runtime.clock.now)
