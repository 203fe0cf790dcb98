"""Events as they came, a line each: the rows of `SLUICE_COLUMNS=raw`.

They are one Arrow column, so that they are split by partition as any table is, in native code; the column's data
are the lines themselves, so that an object of them is a slice of its bytes. An object of JSON lines has one event
a line: a line end between the tokens of an event's JSON, the only place where there can be one, becomes a space.

A text of lines is worked on as a whole where it is surely what it seems (`line_ends`); else event by event.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from sluice_core.lake.arrow import Array
from sluice_core.wire.lines import Lines

EVENTS: Final = pa.schema([("event", pa.large_binary())])
"""The schema of such a table."""

Ends = np.ndarray[Any, np.dtype[np.int64]]

_SPACES: Final = bytes.maketrans(b"\r\n", b"  ")
_NEWLINE, _OPENS, _CLOSES = b"\n{}"


class HasEvents(Protocol):
    """Events, and which of them are rows; `held.Held` is one. `ends`: of the lines of `Lines`, all of them rows."""

    events: Sequence[bytes]
    positions: Sequence[int]
    ends: Ends | None


def line_ends(text: bytes) -> Ends | None:
    """Where the lines of a text end, newline included, if each begins with `{` and ends with `}`; else None.

    When such a text is JSON throughout (a reader of many objects takes it) and holds as many objects as lines, then
    each line is one object: between `}`, a line end and `{` there can be no other place than between two objects, so
    that no object has two lines, and no line two objects.
    """
    if text[-1:] != b"\n" or b"\r" in text:
        return None
    data = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    plain = data[0] == _OPENS and bool((data[ends - 1] == _CLOSES).all())
    if not (plain and (data[ends[:-1] + 1] == _OPENS).all()):
        return None
    return ends + 1


def valid_utf8(text: bytes) -> bool:
    """Whether a text is UTF-8, found out without making a str of it."""
    if text.isascii():
        return True
    ends = pa.py_buffer(np.array([0, len(text)], np.int64).data)
    one: Array = pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(text)])
    try:
        one.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def text_of(message: HasEvents) -> bytes:
    """The message's events that are rows, one a line, each with its newline."""
    if message.ends is not None and isinstance(message.events, Lines):
        return message.events.text
    if len(message.events) == 1:
        return _line(message.events[0]) if len(message.positions) else b""
    return b"".join(map(_line, _rows(message)))


def events_table(messages: Sequence[HasEvents]) -> pa.Table:
    """The messages' events that are rows, each with its newline."""
    texts = list(map(text_of, messages))
    lengths, one_by_one = [np.zeros(1, np.int64)], list[int]()
    for message, text in zip(messages, texts, strict=True):
        if message.ends is not None:
            lengths += [np.array(one_by_one, np.int64), np.diff(message.ends, prepend=0)]
            one_by_one = []
        elif len(message.positions) == 1:
            one_by_one.append(len(text))
        else:
            one_by_one += [len(event) + 1 for event in _rows(message)]
    offsets = np.cumsum(np.concatenate([*lengths, np.array(one_by_one, np.int64)]))
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(b"".join(texts))]
    column: Array = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)
    return pa.Table.from_arrays([column], schema=EVENTS)


def lines_of(table: pa.Table) -> bytes:
    """The lines of such a table, one after the other."""
    return b"".join(_slices(table))


def _slices(table: pa.Table) -> Iterator[memoryview]:
    for chunk in table.column(0).chunks:
        _, ends, data = chunk.buffers()
        if len(chunk) and ends is not None and data is not None:
            at = memoryview(ends).cast("b").cast("q")
            yield memoryview(data)[at[chunk.offset] : at[chunk.offset + len(chunk)]]


def _rows(message: HasEvents) -> Sequence[bytes]:
    events, positions = message.events, message.positions
    if len(positions) == len(events):
        return events
    return [events[position] for position in positions]


def _line(event: bytes) -> bytes:
    if b"\n" in event or b"\r" in event:
        event = event.translate(_SPACES)
    return event + b"\n"
