"""What happens to each event between the source and the senders. The hot path: every line of it is paid per event."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sluice_core.errors import DeadLetterError
from sluice_core.service.logs import get_logger
from sluice_core.wire import event_attributes
from sluice_core.wire.event_time import DEFAULT_PATHS, MICROS, event_time
from sluice_core.wire.paths import Path

from sluice_producer.metrics import DUPLICATE, Runtime
from sluice_producer.pack.dead_events import DeadEvents
from sluice_producer.pack.filter import Dropped, Judge, Meta
from sluice_producer.pack.identity import own_sse_id
from sluice_producer.pack.packer import Outbox, Pack, Packer
from sluice_producer.progress.acks import DEAD, FILTERED, SENT, AckGroup, EventRecord
from sluice_producer.progress.position import NOWHERE, PositionReader
from sluice_producer.progress.progress import Progress
from sluice_producer.progress.tracker import Tracker
from sluice_producer.source.parser import SourceEvent
from sluice_producer.source.reader import READER

_log = get_logger(__name__)

_REPORT_EVERY: Final = 1.0
"""Seconds: counts, and the time of the event read last, are as old as that at most."""


@dataclass(frozen=True)
class Rules:
    """`event_time`: the paths of an event's time. `max_events`: kept and dead-lettered events after which a stop is
    requested; 0 = no such limit.
    """

    wikimedia: bool
    judge: Judge
    event_time: Sequence[Path] = DEFAULT_PATHS
    max_events: int = 0


class Pipeline:
    """Judges events, keeps the delivered position, fills packs. `handle` belongs to the reading thread.

    `taken`: events read that must be accepted by SQS, as messages or as dead letters.
    """

    def __init__(
        self,
        rules: Rules,
        tracker: Tracker,
        *,
        packer: Packer,
        outbox: Outbox,
        dead_events: DeadEvents,
        progress: Progress,
        runtime: Runtime,
    ) -> None:
        self._ledger = progress.ledger
        self._ledger_kept = progress.ledger.kept
        self._wikimedia = rules.wikimedia
        self._judge = rules.judge.judge
        self._identity = rules.judge.identity
        self._left = rules.max_events or -1
        self._seen, self._advance = tracker.seen, tracker.advance
        self._packer = packer
        self._outbox = outbox
        self._dead_events = dead_events
        self._acks = progress.acks
        self._progress = progress
        self._read_position = PositionReader().read
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._time_paths = rules.event_time
        self._last: tuple[bytes, float] | None = None
        self._received = 0
        self.taken = 0
        self._reported = 0

    def handle(self, event: SourceEvent) -> None:
        """Takes one event; waits while there is no room. Raises SourceFailed."""
        self._received += 1
        try:
            judged = self._judge(event)
        except Dropped as dropped:
            self._pass_over(event, dropped)
            return
        except DeadLetterError as error:
            self._dead_letter(event, error)
            return
        event_id, meta = judged.event_id, judged.meta
        if self._seen(event_id):
            # Its record is in the position already: nothing to note.
            self._repeated(event_id, event)
            return
        sse_id = event.last_event_id
        position = (
            self._read_position(sse_id, meta.topic, meta.partition) if self._wikimedia else NOWHERE
        )
        self._advance(event_id, sse_id, position)
        self.taken += 1
        self._last = judged.body, self._clock.now()
        record = EventRecord(event_id, sse_id, position, SENT, self._digest(event))
        for pack in self._packer.add(judged.body, record, judged.extra):
            self._out(pack)
        if self._left > 0:
            self._count()
        if self._acks.full or self._progress.blocked:
            self._wait()

    def flush(self) -> None:
        """Sends off what is being filled, when reading and the timer have ended."""
        pack = self._packer.flush()
        if pack is not None:
            self._out(pack)
        self._report()

    def send_due(self) -> float:
        """Sends off the open pack when it is old enough; gives the seconds until it is worth asking again."""
        pack, pause = self._packer.due()
        if pack is not None:
            self._out(pack)
        self._report()
        return min(pause, _REPORT_EVERY)

    def _out(self, pack: Pack) -> None:
        if pack.events:
            self._outbox.put(pack)
        else:
            self._metrics.flushed(pack.trigger)
            self._acks.done(pack.group)

    def _pass_over(self, event: SourceEvent, dropped: Dropped) -> None:
        name = self._identity.name_unjudged(event)
        if self._note(event, name, FILTERED, 0, dropped.meta) is not None:
            self._metrics.filtered(dropped.reason)
        self._wait()

    def _dead_letter(self, event: SourceEvent, error: DeadLetterError) -> None:
        name = self._identity.name_unjudged(event)
        group = self._note(event, name, DEAD, max(1, len(event.data)), Meta())
        if group is not None:
            self.taken += 1
            sse_id = None if self._wikimedia else own_sse_id(event)
            attributes = event_attributes(name, event.type, sse_id)
            self._dead_events.put(event.data, error.reason, error.detail, group, attributes)
            if self._left > 0:
                self._count()
        self._wait()

    def _note(
        self, event: SourceEvent, event_id: str, state: str, weight: int, meta: Meta
    ) -> AckGroup | None:
        """Passes over an event that is not sent; None when it was seen before."""
        sse_id = event.last_event_id
        if self._seen(event_id):
            self._repeated(event_id, event)
            return None
        position = (
            self._read_position(sse_id, meta.topic, meta.partition) if self._wikimedia else NOWHERE
        )
        self._advance(event_id, sse_id, position)
        record = EventRecord(event_id, sse_id, position, state, self._digest(event))
        group, packs = self._packer.note(record, weight)
        for pack in packs:
            self._out(pack)
        return group

    def _digest(self, event: SourceEvent) -> str:
        return self._ledger.digest(event.data) if self._ledger_kept else ""

    def _repeated(self, event_id: str, event: SourceEvent) -> None:
        self._metrics.filtered(DUPLICATE)
        self._ledger.repeated(event_id, event.data)

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            _log.info("the number of events asked for has been read")
            self._stop.request()

    def _wait(self) -> None:
        self._acks.wait_for_room(self._stop, self._clock, self._beat)
        self._progress.wait_until_saved(self._stop, self._beat)

    def _beat(self) -> None:
        self._health.beat(READER)

    def _report(self) -> None:
        """The reader only counts; the timer, which alone calls this, reports."""
        received = self._received
        self._metrics.received.inc(received - self._reported)
        self._reported = received
        if self._last is None:
            return
        (body, seen), self._last = self._last, None
        micros = event_time(body, self._time_paths)
        if micros is not None:
            self._metrics.timed(micros / MICROS, seen)


class Timer:
    """A stage beside the reader: packs that are old enough; at the end what is open, however little."""

    name = "timer"

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._pause = 0.0
        self._closed = False
        self.wake = threading.Event()

    def step(self) -> bool:
        """See `Stage`."""
        if self._closed:
            self._pipeline.flush()
        else:
            self._pause = self._pipeline.send_due()
        return False

    def due_in(self) -> float | None:
        """See `Stage`."""
        return self._pause

    def close(self) -> None:
        """See `Stage`: reading has ended."""
        self._closed = True
