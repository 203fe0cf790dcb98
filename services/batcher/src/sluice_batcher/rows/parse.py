"""Events' bytes into rows: fast for all that is as expected, event by event for the rest.

A row is an instance of the struct of `shape`; columns are made of many rows at once, at the flush (`table`). Where
the plain columns come from the events' text itself (`native`), a row has only what the others need.
One bad event never takes its neighbours along: it comes back with its place and the reason, for a dead letter.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import numpy as np
from sluice_core import reasons
from sluice_core.errors import DeadLetterError
from sluice_core.wire.event_id import event_id, is_utf8
from sluice_core.wire.event_time import DEFAULT_PATHS
from sluice_core.wire.lines import Lines

from sluice_batcher.rows.columns import SPECIAL, ColumnSet, Kind
from sluice_batcher.rows.convert import load_json, to_kind
from sluice_batcher.rows.lines import Ends, line_ends, valid_utf8
from sluice_batcher.rows.native import Native
from sluice_batcher.rows.shape import FAULTS, Path, Shape
from sluice_batcher.rows.unwrap import envelope_hint

ID_PATH: Final[Path] = ("meta", "id")
_TEXT: Final = {str}


@dataclass(frozen=True, slots=True)
class BadEvent:
    """An event that cannot be a row: its place in the message (from 0), why, and its bytes."""

    position: int
    reason: str
    detail: str
    event: bytes


@dataclass(slots=True)
class Parsed:
    """What a message's events became: `rows`, `ids` and `positions` go together; `bad` holds the others.

    `native`: every event is a row, and of the shape `Native.narrow`. `ends`: as of `lines.HasEvents`.
    """

    rows: list[Any]
    ids: list[str]
    positions: Sequence[int]
    bad: list[BadEvent] = field(default_factory=list)
    native: bool = False
    ends: Ends | None = None


def asked_of_all(times: Sequence[Path]) -> list[tuple[Path, Kind]]:
    """What every event is asked for, whatever the columns: its id and its time."""
    return [(ID_PATH, Kind.STRING), *((path, Kind.TIMESTAMP) for path in times)]


class RowParser:
    """Parses events for one set of columns; safe to share between threads.

    `times`: paths of an event's own time. `native`: what gives the plain columns, for whoever makes the table.
    """

    def __init__(
        self,
        columns: ColumnSet,
        *,
        max_event_bytes: int,
        times: Sequence[Path] = DEFAULT_PATHS,
        native: Native | None = None,
    ) -> None:
        self._max_bytes = max_event_bytes
        wanted = [(c.path, c.kind) for c in columns.columns if c.path not in SPECIAL]
        self._columns = columns.name
        self._whole = columns.whole
        self._judged = [(c.path, c.kind) for c in columns.columns if not c.path[0].startswith("@")]
        self._native = native
        self.shape = Shape([*wanted, *asked_of_all(times)])

    def parse(self, events: Sequence[bytes], carried: Sequence[str] | None = None) -> Parsed:
        """The rows of a message's events; `carried`: the ids that travelled with them, "" where none did."""
        parsed = None
        if self._native is not None and self._native.refusals.worth_a_try():
            parsed = self._at_once(self._native.narrow, events, carried)
        return (
            parsed
            or self._at_once(self.shape, events, carried)
            or self._without_strangers(self._one_by_one(events, carried), events)
        )

    def _at_once(
        self, shape: Shape, events: Sequence[bytes], carried: Sequence[str] | None
    ) -> Parsed | None:
        """All as rows of `shape`; None when one of them needs to be looked at by itself."""
        native = shape is not self.shape
        try:
            rows, ends = self._decoded(shape, events)
            if native or self._whole:
                _must_be_utf8(events, ends)
        except (*FAULTS, _NeedsALookError):
            return None
        own = shape.values(rows, ID_PATH)
        known = all(own) and set(map(type, own)) <= _TEXT
        # An event with an id of its own is no stranger's.
        ids = own if known and not carried else self._ids(own, events, carried)
        parsed = Parsed(rows, ids, range(len(rows)), native=native, ends=ends)
        if known:
            return parsed
        if native:
            # What the other columns find is not in these rows.
            whole = self._at_once(self.shape, events, carried)
            return parsed if whole and len(whole.rows) == len(rows) else whole
        return self._without_strangers(parsed, events)

    def _decoded(self, shape: Shape, events: Sequence[bytes]) -> tuple[list[Any], Ends | None]:
        """Raises one of FAULTS or _NeedsALookError."""
        # Who wants neither the text nor most of it is faster with one event after the other.
        by_text = self._whole or shape is not self.shape
        if by_text and isinstance(events, Lines) and shape.decode_lines is not None:
            ends = line_ends(events.text)
            if ends is not None:
                rows = shape.decode_lines(events.text)
                if len(rows) == len(ends) and _longest(ends) <= self._max_bytes:
                    return rows, ends
        if shape.decode is None or max(map(len, events), default=0) > self._max_bytes:
            raise _NeedsALookError
        return list(map(shape.decode, events)), None

    def _without_strangers(self, parsed: Parsed, events: Sequence[bytes]) -> Parsed:
        """Objects in which no column finds anything are bad: an envelope, a notification, another source's event.

        The event's own id counts as found; what is not in the data (its SSE id, the time of receipt) does not.
        Where no column has a path into the data there is nothing to judge by.
        """
        own = self.shape.values(parsed.rows, ID_PATH)
        if not self._judged:
            return parsed
        left = [index for index, value in enumerate(own) if not _found(value, Kind.STRING)]
        for path, kind in self._judged:
            values = self.shape.values([parsed.rows[index] for index in left], path)
            left = [i for i, value in zip(left, values, strict=True) if not _found(value, kind)]
        if not left:
            return parsed
        for index in left:
            position = parsed.positions[index]
            detail = (
                f"no column of {self._columns} finds a value; {envelope_hint(events[position])}"
            )
            parsed.bad.append(BadEvent(position, reasons.NO_COLUMN, detail, events[position]))
        strangers = set(left)
        kept = [index for index in range(len(parsed.rows)) if index not in strangers]
        return Parsed(
            [parsed.rows[index] for index in kept],
            [parsed.ids[index] for index in kept],
            [parsed.positions[index] for index in kept],
            sorted(parsed.bad, key=attrgetter("position")),
        )

    def _one_by_one(self, events: Sequence[bytes], carried: Sequence[str] | None) -> Parsed:
        result = Parsed([], [], positions := [])
        for position, event in enumerate(events):
            try:
                row, direct = self._row(event)
            except DeadLetterError as error:
                result.bad.append(BadEvent(position, error.reason, error.detail, event))
                continue
            told = [carried[position]] if carried else None
            # A row that was built the lenient way has half a surrogate pair mended, which makes no id.
            result.rows.append(row)
            own = self.shape.values([row], ID_PATH) if direct else [None]
            result.ids += self._ids(own, [event], told)
            positions.append(position)
        return result

    def _row(self, event: bytes) -> tuple[Any, bool]:
        """One event's row, and whether it came the fast way; raises DeadLetterError."""
        if len(event) > self._max_bytes:
            raise DeadLetterError(
                reasons.TOO_LARGE, f"{len(event)} bytes; {self._max_bytes} are allowed"
            )
        if self._whole:
            try:
                _must_be_utf8([event])
            except UnicodeDecodeError as error:
                raise _bad_utf8(error) from error
        if self.shape.decode is not None:
            try:
                return self.shape.decode(event), True
            except FAULTS:
                pass
        try:
            return self.shape.lenient(event), False
        except (*FAULTS, ValueError) as error:
            load_object(event)
            raise DeadLetterError(reasons.BAD_EVENT, str(error)) from error

    def _ids(
        self, own: Sequence[Any], events: Sequence[bytes], carried: Sequence[str] | None
    ) -> list[str]:
        """What travelled, else what the events hold themselves (`own`), else core's one rule."""
        if carried:
            if all(map(is_utf8, carried)):
                return list(carried)
            return [
                told if is_utf8(told) else event_id(event)
                for told, event in zip(carried, events, strict=True)
            ]
        return [
            mine if mine and isinstance(mine, str) else event_id(event)
            for mine, event in zip(own, events, strict=True)
        ]


class _NeedsALookError(Exception):
    """Not all events of a message are as expected."""


def _longest(ends: Ends) -> int:
    return int(np.diff(ends, prepend=0).max()) - 1


def _must_be_utf8(events: Iterable[bytes], ends: Ends | None = None) -> None:
    """Raises UnicodeDecodeError. A decoder does not look at the text that it skips; who gets the whole event does."""
    if ends is not None and isinstance(events, Lines) and valid_utf8(events.text):
        return
    for event in events:
        if not event.isascii():
            event.decode()


def _bad_utf8(error: UnicodeDecodeError) -> DeadLetterError:
    return DeadLetterError(reasons.BAD_UTF8, f"byte {error.start} is not UTF-8")


def _found(value: Any, kind: Kind) -> bool:
    return value is not None and to_kind(value, kind) is not None


def load_object(event: bytes) -> dict[str, Any]:
    """An event as `load_json` gives it; raises DeadLetterError when it is no JSON object."""
    try:
        loaded = load_json(event)
    except UnicodeDecodeError as error:
        raise _bad_utf8(error) from error
    except json.JSONDecodeError as error:
        raise DeadLetterError(reasons.NOT_JSON, f"{error.msg} at character {error.pos}") from error
    except ValueError as error:
        raise DeadLetterError(reasons.NOT_JSON, str(error)) from error
    except RecursionError as error:
        raise DeadLetterError(reasons.BAD_EVENT, "nested too deeply") from error
    if not isinstance(loaded, dict):
        raise DeadLetterError(
            reasons.NOT_OBJECT, f"a {type(loaded).__name__} in JSON is no event; an object is"
        )
    return loaded
