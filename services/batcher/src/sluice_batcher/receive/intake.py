"""One received message: recognised, unpacked, parsed; its rows to the buffer, its faults to the dead letters.

A dead letter that came back, by whatever tool, is what it was before: the event or pack, from the bucket where its
body stands there. Nothing that a message holds can stop the batcher: what cannot be unpacked is a dead letter as a whole, what
cannot be parsed is one event by event. Only a codec of a newer version stays in the queue, for a newer
batcher.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Final, TypeVar

from sluice_core import wire
from sluice_core.aws.s3 import BucketLike
from sluice_core.aws.sqs import Received
from sluice_core.deadletter import DeadLetter, event_dead_letter
from sluice_core.deadletter.outbox import DeadLetterOutbox
from sluice_core.deadletter.pointer import A_DEAD_KEY, restored, whole_body
from sluice_core.errors import DeadLetterError, PermanentError, TemporaryError, UnknownCodecError
from sluice_core.service.logs import get_logger
from sluice_core.wire.lines import Lines

from sluice_batcher.inflight.buffer import Buffer
from sluice_batcher.inflight.held import Admission, Held, InFlight
from sluice_batcher.metrics import Metrics
from sluice_batcher.rows.parse import BadEvent, Parsed, RowParser
from sluice_batcher.rows.unwrap import UNWRAP

T = TypeVar("T")
_log = get_logger(__name__)
_TOLD_CODECS: Final = 20
_ALONE: Final = range(1)
New = tuple[Received, Held]
"""A message that was not held before, with the attributes that it had lost, and what is held of it."""
_MARK: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


class Intake:
    """Takes messages in. `keep_events` keeps their bytes until the flush: they are the rows, or a transform may fail.

    They are kept, too, where columns come from them (`rows.native`).
    """

    def __init__(
        self,
        parser: RowParser,
        in_flight: InFlight,
        buffer: Buffer,
        dead_letters: DeadLetterOutbox,
        metrics: Metrics,
        *,
        bucket: BucketLike,
        max_unpacked_bytes: int,
        keep_events: bool = False,
        unwrap: str = "none",
    ) -> None:
        self._parser = parser
        self._in_flight = in_flight
        self._buffer = buffer
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._bucket = bucket
        self._max_unpacked = max_unpacked_bytes
        self._keep_events = keep_events
        self._unwrap = UNWRAP[unwrap]
        self._wrapped = unwrap != "none"
        self._told: set[str] = set()

    def accept(self, messages: Sequence[Received], *, now: float, lease_until: float) -> None:
        """Takes the messages of one receive; `now` and `lease_until` (when its lease ends) are monotonic."""
        self._metrics.received.inc(len(messages))
        admitted = self._in_flight.admit(messages, now=now, lease_until=lease_until)
        new = [
            (restored(message), held)
            for message, (admission, held) in zip(messages, admitted, strict=True)
            if admission is Admission.NEW
        ]
        self._metrics.redelivered.inc(len(messages) - len(new))
        lone = (
            []
            if self._wrapped
            else [pair for pair in new if wire.is_alone(pair[0].body, pair[0].attributes)]
        )
        taken = self._together(lone) if lone else set()
        for message, held in new:
            if message.message_id not in taken:
                self._accept(message, held)

    def _together(self, lone: Sequence[New]) -> set[str]:
        """Takes single events in as if they were a pack's: at once. Gives the ids of the messages that are rows.

        The others have faults, which are for `_accept` to name.
        """
        try:
            events = [message.body.encode() for message, _ in lone]
        except UnicodeEncodeError:
            return set()
        told = [wire.told_alone(message.attributes) for message, _ in lone]
        carried = [beside.ids[0] if beside.ids else "" for beside in told]
        parsed = self._parser.parse(events, carried if any(carried) else None)
        keep = self._keep_events or parsed.native
        rows: list[Held] = []
        for row, event_id, position in zip(parsed.rows, parsed.ids, parsed.positions, strict=True):
            message, held = lone[position]
            beside, event = told[position], events[position]
            held.rows, held.ids, held.size = (row,), (event_id,), len(event)
            held.types, held.sse_ids = beside.types, beside.sse_ids
            held.source = message.attributes.get(wire.A_SOURCE)
            held.native, held.pending = parsed.native, 1
            if keep:
                held.events, held.positions = (event,), _ALONE
            rows.append(held)
        self._buffer.add(rows)
        return {held.message_id for held in rows}

    def _accept(self, message: Received, held: Held) -> None:
        try:
            whole = whole_body(self._bucket, message)
            body, attributes = self._unwrap(whole, message.attributes)
            decoded = wire.decode(body, attributes, max_unpacked_bytes=self._max_unpacked)
        except UnknownCodecError as error:
            self._leave(held, error)
            return
        except (TemporaryError, PermanentError) as error:
            # Only the bucket is asked here: a moved dead letter waits in the queue until it answers.
            self._in_flight.drop(held)
            _log.warning("a dead letter's body cannot be read, it waits", why=str(error))
            return
        except DeadLetterError as error:
            dead_letter = _whole(message, error.reason, error.detail)
            held.pending = 1
            self._dead_letters.put([dead_letter], partial(self._in_flight.fulfil, [held]))
            return
        parsed = self._parser.parse(decoded.events, decoded.ids)
        dead_letters: list[DeadLetter] = []
        if decoded.problems or parsed.bad:
            dead_letters += [_whole(message, *problem) for problem in decoded.problems]
            dead_letters += [_single(bad, decoded) for bad in parsed.bad]
        self._keep(held, decoded, parsed)
        held.mark = _mark(message.attributes.get(wire.A_MARK))
        held.heartbeat = wire.heartbeat_time(message.attributes, decoded)
        self._hand_on(held, dead_letters)

    def _keep(self, held: Held, decoded: wire.Decoded, parsed: Parsed) -> None:
        held.rows, held.ids = parsed.rows, parsed.ids
        held.size = decoded.size
        held.pack_id, held.source = decoded.pack_id, decoded.source
        held.types = _picked(decoded.types, parsed.positions)
        held.sse_ids = _picked(decoded.sse_ids, parsed.positions)
        held.native = parsed.native
        if self._keep_events or parsed.native:
            held.events, held.positions = decoded.events, parsed.positions
            held.ends = parsed.ends
            if isinstance(decoded.events, Lines) and parsed.ends is not None:
                decoded.events.forget()

    def _hand_on(self, held: Held, dead_letters: list[DeadLetter]) -> None:
        travels = bool(held.rows) or held.heartbeat is not None
        held.pending = travels + bool(dead_letters)
        if not held.pending:
            # A pack of nothing: there is nothing to lose.
            held.pending = 1
            self._in_flight.fulfil([held])
            return
        if dead_letters:
            self._dead_letters.put(dead_letters, partial(self._in_flight.fulfil, [held]))
        if travels:
            self._buffer.add([held])

    def _leave(self, held: Held, error: UnknownCodecError) -> None:
        """Its lease runs out by itself: handing it back at once would only bring it here again."""
        self._in_flight.drop(held)
        self._metrics.returned_codec.inc()
        if error.codec not in self._told and len(self._told) < _TOLD_CODECS:
            self._told.add(error.codec)
            _log.error("message left in the queue", why=str(error))


def _mark(given: str | None) -> str | None:
    """The mark, if it is one: it becomes a part of an HTTP header."""
    return given if given and _MARK.fullmatch(given) else None


def _picked(values: list[T] | None, positions: Sequence[int]) -> Sequence[T] | None:
    """Those of the events that are rows."""
    if values is None or len(values) == len(positions):
        return values
    return [values[position] for position in positions]


def _single(bad: BadEvent, decoded: wire.Decoded) -> DeadLetter:
    return event_dead_letter(
        bad.event,
        bad.reason,
        bad.detail,
        source=decoded.source,
        pack_id=decoded.pack_id,
        position=bad.position,
        attributes=decoded.attributes_of(bad.position),
    )


def _whole(message: Received, reason: str, detail: str) -> DeadLetter:
    return DeadLetter(
        body=message.body,
        reason=reason,
        detail=detail,
        source=message.attributes.get(wire.A_SOURCE),
        pack_id=message.attributes.get(wire.A_PACK_ID),
        original=dict(message.attributes),
        key=message.attributes.get(A_DEAD_KEY),
    )
