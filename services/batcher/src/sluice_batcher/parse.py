"""Events' bytes into rows: fast for all that is as expected, event by event for the rest.

A row is an instance of the struct of `shape`; columns are made of many rows at once, at the flush (`table`).
One bad event never takes its neighbours along: it comes back with its place and the reason, for a dead letter.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sluice_core import reasons
from sluice_core.errors import PoisonError
from sluice_core.event_id import event_id, is_utf8

from sluice_batcher.columns import SPECIAL, ColumnSet, Kind
from sluice_batcher.convert import clean_text, json_text, to_kind
from sluice_batcher.shape import NO_JSON, Path, Shape

ID_PATH: Final[Path] = ("meta", "id")
TIME_PATHS: Final[tuple[Path, ...]] = (("meta", "dt"), ("timestamp",))
_FAULTS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class BadEvent:
    """An event that cannot be a row: its place in the message (from 0), why, and its bytes."""

    position: int
    reason: str
    detail: str
    event: bytes


@dataclass(slots=True)
class Parsed:
    """What a message's events became.

    `rows`, `ids` and `positions` go together; `bad` holds the others. `nulled` counts values that their
    column's type could not take.
    """

    rows: list[Any]
    ids: list[str]
    positions: Sequence[int]
    bad: list[BadEvent] = field(default_factory=list)
    nulled: int = 0


class Parser:
    """Parses events for one set of columns; safe to share between threads."""

    def __init__(self, columns: ColumnSet, *, max_event_bytes: int) -> None:
        self._max_bytes = max_event_bytes
        wanted = [(c.path, c.kind) for c in columns.columns if c.path not in SPECIAL]
        wanted.append((ID_PATH, Kind.STRING))
        wanted += [(path, Kind.TIMESTAMP) for path in TIME_PATHS]
        self.shape = Shape(wanted)

    def parse(self, events: Sequence[bytes], carried: Sequence[str] | None = None) -> Parsed:
        """The rows of a message's events; `carried`: the ids that travelled with them, "" where none did."""
        decode = self.shape.decode
        if decode is not None and max(map(len, events), default=0) <= self._max_bytes:
            try:
                rows = list(map(decode, events))
            except _FAULTS:
                pass
            else:
                return Parsed(rows, self._ids(rows, events, carried), range(len(rows)))
        return self._one_by_one(events, carried)

    def _one_by_one(self, events: Sequence[bytes], carried: Sequence[str] | None) -> Parsed:
        result = Parsed([], [], positions := [])
        for position, event in enumerate(events):
            try:
                row, direct, nulled = self._row(event)
            except PoisonError as error:
                result.bad.append(BadEvent(position, error.reason, error.detail, event))
                continue
            told = [carried[position]] if carried else None
            # A row that was built the lenient way holds its id as text, whatever it was.
            known = self._ids([row], [event], told, direct=direct)[0]
            result.rows.append(row)
            result.ids.append(known)
            result.nulled += nulled
            positions.append(position)
        return result

    def _row(self, event: bytes) -> tuple[Any, bool, int]:
        """One event's row, whether it came the fast way, how many values were nulled; raises PoisonError."""
        if len(event) > self._max_bytes:
            raise PoisonError(
                reasons.TOO_LARGE, f"{len(event)} bytes; {self._max_bytes} are allowed"
            )
        if self.shape.decode is not None:
            try:
                return self.shape.decode(event), True, 0
            except _FAULTS:
                pass
        nulled = 0

        def convert(value: Any, kinds: set[Kind]) -> Any:
            nonlocal nulled
            if len(kinds) > 1:
                # Each of the columns at this path takes what it can, later.
                return clean_text(value) if isinstance(value, str) else value
            (kind,) = kinds
            if kind is Kind.JSON:
                return NO_JSON if value is None else msgspec.Raw(json_text(value).encode())
            converted = to_kind(value, kind)
            nulled += converted is None and value is not None
            return converted

        row = self.shape.build(load_object(event), convert)
        return row, False, nulled

    def _ids(
        self,
        rows: Sequence[Any],
        events: Sequence[bytes],
        carried: Sequence[str] | None,
        *,
        direct: bool = True,
    ) -> list[str]:
        """What travelled, else what the rows that came the fast way (`direct`) hold, else core's one rule."""
        if carried:
            if all(map(is_utf8, carried)):
                return list(carried)
            return [
                told if is_utf8(told) else event_id(event)
                for told, event in zip(carried, events, strict=True)
            ]
        own: list[Any] = self.shape.values(rows, ID_PATH) if direct else [None] * len(rows)
        if all(own) and set(map(type, own)) <= {str}:
            return own
        return [
            mine if mine and isinstance(mine, str) else event_id(event)
            for mine, event in zip(own, events, strict=True)
        ]


def load_object(event: bytes) -> dict[str, Any]:
    """An event as `json.loads` gives it; raises PoisonError when it is no JSON object.

    Stricter than `json.loads` about NaN and Infinity, which are not JSON, and more patient with numbers that
    Python refuses or cannot hold: they stay text.
    """
    try:
        loaded = json.loads(
            event.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
        )
    except UnicodeDecodeError as error:
        raise PoisonError(reasons.BAD_UTF8, f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise PoisonError(reasons.NOT_JSON, f"{error.msg} at character {error.pos}") from error
    except ValueError as error:
        raise PoisonError(reasons.NOT_JSON, str(error)) from error
    except RecursionError as error:
        raise PoisonError(reasons.BAD_EVENT, "nested too deeply") from error
    if not isinstance(loaded, dict):
        raise PoisonError(
            reasons.NOT_OBJECT, f"a {type(loaded).__name__} in JSON is no event; an object is"
        )
    return loaded


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _parse_int(text: str) -> int | str:
    return int(text) if len(text) < 1000 else text


def _parse_float(text: str) -> float | str:
    number = float(text)
    return number if abs(number) != float("inf") else text
