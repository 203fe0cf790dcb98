"""Events as they came, a line each: the rows of `SLUICE_COLUMNS=raw`.

They are one Arrow column, so that they are split by partition as any table is, in native code; the column's data
are the lines themselves, so that an object of them is a slice of its bytes. An object of JSON lines has one event
a line: a line end between the tokens of an event's JSON, the only place where there can be one, becomes a space.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import Final, Protocol

import pyarrow as pa
from sluice_core.lake.arrow import Array

EVENTS: Final = pa.schema([("event", pa.large_binary())])
"""The schema of such a table."""

_SPACES: Final = bytes.maketrans(b"\r\n", b"  ")


class HasEvents(Protocol):
    """Events, and which of them are rows; `held.Held` is one."""

    events: Sequence[bytes]
    positions: Sequence[int]


def events_table(messages: Iterable[HasEvents]) -> pa.Table:
    """The messages' events that are rows, each with its newline."""
    lines = list(map(_line, chain.from_iterable(map(_rows, messages))))
    ends = array("q", accumulate((len(line) + 1 for line in lines), initial=0))
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"\n".join([*lines, b""]))]
    column: Array = pa.Array.from_buffers(pa.large_binary(), len(lines), buffers)
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


def _rows(message: HasEvents) -> Iterable[bytes]:
    events, positions = message.events, message.positions
    return events if len(positions) == len(events) else (events[position] for position in positions)


def _line(event: bytes) -> bytes:
    return event.translate(_SPACES) if b"\n" in event or b"\r" in event else event
