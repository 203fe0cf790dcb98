"""Rows into columns: one Arrow table with the fixed schema, and each row's event time.

All columns are made from Python lists at C speed as long as their values are of one type, which a census of
the types tells; a column with anything else in it is converted value by value (`convert`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby, repeat
from operator import attrgetter
from typing import Any, Final, Protocol

import msgspec
import pyarrow as pa
from sluice_core.lake.arrow import Array, pc
from sluice_core.lake.column_types import TIMESTAMP
from sluice_core.wire.beside import DEFAULT_TYPE
from sluice_core.wire.event_id import is_utf8
from sluice_core.wire.event_time import DEFAULT_PATHS, MICROS

from sluice_batcher.rows.columns import (
    EVENT_ID,
    EVENT_TIME,
    EVENT_TYPE,
    SSE_ID,
    Column,
    ColumnSet,
    Kind,
    arrow_type,
)
from sluice_batcher.rows.convert import is_missing, plain, to_kind
from sluice_batcher.rows.lines import Ends, events_table, text_of
from sluice_batcher.rows.native import Native
from sluice_batcher.rows.shape import FAULTS, Path, Shape
from sluice_batcher.rows.times import timestamp_array

_NATIVE: Final[dict[Kind, set[type]]] = {
    Kind.STRING: {str, type(None)},
    Kind.INT64: {int, type(None)},
    # Arrow refuses an integer that a double cannot hold; then each value is looked at.
    Kind.FLOAT64: {float, int, type(None)},
    Kind.BOOL: {bool, type(None)},
}
_BLOCK: Final = 4 * 2**20
"""Bytes of text that are read at once: they bound what the reading needs besides."""
_PARTS: Final = 16
"""Of a block that is refused: some packs, or very many plain messages of which few are odd."""
_CHUNKS: Final = 64
"""Of a table: more would make all that works on it slower than to copy it once does."""
_WORTH: Final = 32
"""Events; to begin to read costs as much as some twenty of them."""


class HasRows(Protocol):
    """What a table is made of; `held.Held` is one."""

    rows: Sequence[Any]
    ids: Sequence[str]
    types: Sequence[str] | None
    sse_ids: Sequence[str | None] | None
    sent_at: float
    events: Sequence[bytes]
    positions: Sequence[int]
    size: int
    ends: Ends | None
    native: bool


@dataclass(frozen=True)
class Rows:
    """A table with, for each row, its event time (never null) and its id.

    `nulled` counts values that their column's type could not take, `untimed` rows without a time of their own.
    """

    table: pa.Table
    times: Array
    ids: list[str]
    nulled: int
    untimed: int = 0

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.ids)


class TableMaker:
    """Makes tables for one column set; `times`: paths of an event's own time, the first that holds one counts.

    `native`: what gives the plain columns of messages that the parser has left to it.
    """

    def __init__(
        self,
        columns: ColumnSet,
        shape: Shape,
        times: Sequence[Path] = DEFAULT_PATHS,
        native: Native | None = None,
    ) -> None:
        self._columns = columns.columns
        self._schema = columns.schema
        self._shape = shape
        self._times = times
        self._whole = columns.whole
        self._native = native

    def make(self, messages: Sequence[HasRows]) -> Rows:
        """All rows of the messages, in order. A row without an event time has its message's `sent_at`."""
        parts: list[Rows] = []
        for native, group in groupby(messages, attrgetter("native")):
            if native and self._native is not None:
                parts += self._from_text(self._native, list(group))
            else:
                parts.append(self._from_rows(list(group)))
        rows = parts[0] if len(parts) == 1 else _joined(parts, self._schema)
        return replace(rows, table=events_table(messages)) if self._whole else rows

    def _from_rows(self, messages: Sequence[HasRows]) -> Rows:
        return _Making(self._shape, messages, self._times).rows(self._columns, self._schema)

    def _from_text(self, native: Native, messages: Sequence[HasRows]) -> Iterator[Rows]:
        odd: list[HasRows] = []
        for found in chain.from_iterable(self._found(native, block) for block in _blocks(messages)):
            if isinstance(found, Rows):
                yield from self._anew(odd)
                yield found
                odd = []
            else:
                odd += found
        yield from self._anew(odd)

    def _found(
        self, native: Native, block: Sequence[HasRows]
    ) -> Iterator[Rows | Sequence[HasRows]]:
        """What of a block is plain, and the messages that are to be parsed. One that is refused is taken apart, but not
        again and again for nothing."""
        rows = self._read(native, block)
        if rows is not None:
            native.refusals.taken()
            yield rows
            return
        native.refusals.refused()
        size = len(block) // _PARTS or 1
        for start in range(0, len(block), size):
            part = block[start : start + size]
            few = sum(len(message.rows) for message in part) < _WORTH
            if len(block) == 1 or few or native.refusals.many:
                yield part
            else:
                yield from self._found(native, part)

    def _anew(self, messages: Sequence[HasRows]) -> Iterator[Rows]:
        if messages:
            yield self._from_rows([_Parsed(message, self._shape) for message in messages])

    def _read(self, native: Native, messages: Sequence[HasRows]) -> Rows | None:
        text = b"".join(map(text_of, messages))
        plain = native.read(text, sum(len(message.rows) for message in messages))
        if plain is None:
            return None
        making = _Making(native.narrow, messages, self._times, plain)
        return making.rows(self._columns, self._schema)


class _Parsed:
    """A message whose events are parsed after all: they are known to be objects, so that there are rows of them."""

    def __init__(self, message: HasRows, shape: Shape) -> None:
        events = [message.events[position] for position in message.positions]
        self.rows: Sequence[Any] = [_row(shape, event) for event in events]
        self.ids, self.types, self.sse_ids = message.ids, message.types, message.sse_ids
        self.sent_at = message.sent_at
        self.events, self.positions = message.events, message.positions
        self.size, self.ends, self.native = message.size, message.ends, False


def _row(shape: Shape, event: bytes) -> Any:
    if shape.decode is not None:
        try:
            return shape.decode(event)
        except FAULTS:
            pass
    return shape.lenient(event)


def _blocks(messages: Sequence[HasRows]) -> Iterator[list[HasRows]]:
    """Messages in order, by some MiB of text."""
    block: list[HasRows] = []
    size = 0
    for message in messages:
        block.append(message)
        size += message.size
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _joined(parts: Sequence[Rows], schema: pa.Schema) -> Rows:
    if not parts:
        return Rows(schema.empty_table(), pa.nulls(0, TIMESTAMP), [], 0)
    table = pa.concat_tables([part.table for part in parts])
    return Rows(
        table if len(parts) <= _CHUNKS else table.combine_chunks(),
        pa.concat_arrays([part.times for part in parts]),
        list(chain.from_iterable(part.ids for part in parts)),
        sum(part.nulled for part in parts),
        sum(part.untimed for part in parts),
    )


class _Making:
    """One table while it is made: the values of each path are fetched once. `plain`: columns that are there already."""

    def __init__(
        self,
        shape: Shape,
        messages: Sequence[HasRows],
        time_paths: Sequence[Path],
        plain: Mapping[Path, Array] | None = None,
    ) -> None:
        self._shape = shape
        self._plain = plain or {}
        self._time_paths = time_paths
        self._messages = messages
        self._rows = list(chain.from_iterable(m.rows for m in messages))
        self._values: dict[Path, list[Any]] = {}
        self._times: dict[Path, Array] = {}
        self.nulled = 0
        self.untimed = 0

    def rows(self, columns: Iterable[Column], schema: pa.Schema) -> Rows:
        ids = list(chain.from_iterable(m.ids for m in self._messages))
        times = self._event_times()
        arrays: list[Array] = []
        for column in columns:
            if column.path == EVENT_ID:
                arrays.append(pa.array(ids, pa.string()))
            elif column.path == EVENT_TIME:
                arrays.append(times)
            elif column.path == EVENT_TYPE:
                arrays.append(self._told(lambda message: message.types, DEFAULT_TYPE))
            elif column.path == SSE_ID:
                arrays.append(self._told(lambda message: message.sse_ids, None))
            else:
                arrays.append(self._array(column))
        table = pa.Table.from_arrays(arrays, schema=schema)
        return Rows(table, times, ids, self.nulled, self.untimed)

    def _told(
        self,
        values: Callable[[HasRows], Sequence[str | None] | None],
        default: str | None,
    ) -> Array:
        """What travelled beside the events; text that no UTF-8 can hold (a stranger's) is null."""
        told = [
            value
            for message in self._messages
            for value in values(message) or repeat(default, len(message.rows))
        ]
        try:
            return pa.array(told, pa.string())
        except UnicodeEncodeError:
            return pa.array(
                [value if value and is_utf8(value) else None for value in told], pa.string()
            )

    def _event_times(self) -> Array:
        times = pa.nulls(len(self._rows), TIMESTAMP)
        for path in self._time_paths:
            if times.null_count:
                times = pc.coalesce(times, self._time_array(path))
        if times.null_count:
            self.untimed = times.null_count
            sent = [round(m.sent_at * MICROS) for m in self._messages for _ in m.rows]
            times = pc.coalesce(times, pa.array(sent, pa.int64()).cast(TIMESTAMP))
        return times

    def _time_array(self, path: Path) -> Array:
        if path not in self._times:
            values = self._of(path)
            if msgspec.Raw in set(map(type, values)):
                values = list(map(plain, values))
            self._times[path] = timestamp_array(values)
        return self._times[path]

    def _of(self, path: Path) -> list[Any]:
        if path not in self._values:
            self._values[path] = self._shape.values(self._rows, path)
        return self._values[path]

    def _array(self, column: Column) -> Array:
        if column.path in self._plain:
            return self._plain[column.path]
        values = self._of(column.path)
        if column.kind is Kind.TIMESTAMP:
            array = self._time_array(column.path)
            self.nulled += array.null_count - _missing(values)
            return array
        if column.kind is Kind.JSON:
            return pa.array([_json(value) for value in values], pa.string())
        kinds = set(map(type, values))
        if kinds <= _NATIVE[column.kind]:
            try:
                return pa.array(values, arrow_type(column.kind))
            except (OverflowError, pa.ArrowInvalid):
                pass
        converted = [to_kind(value, column.kind) for value in values]
        self.nulled += converted.count(None) - _missing(values)
        return pa.array(converted, arrow_type(column.kind))


def _json(value: msgspec.Raw) -> str | None:
    text = bytes(value)
    return None if text == b"null" else text.decode("utf-8", "replace")


def _missing(values: Sequence[Any]) -> int:
    raw = msgspec.Raw in set(map(type, values))
    return sum(map(is_missing, values)) if raw else values.count(None)
