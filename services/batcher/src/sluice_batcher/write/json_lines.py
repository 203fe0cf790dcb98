"""JSON lines of a table: one object a line with every column in order, null where nothing is.

Times are ISO 8601 in UTC (`2026-11-23T14:00:00Z`); whatever text another value has is msgspec's rule. There are two
ways to the same lines: by rows, each of which msgspec writes, and by columns, which costs a third of that, but for a
table of few values.

By columns no text, number or time becomes an object of Python. A block of rows is put together in one go: all that
can stand in its lines, the values' texts and what stands between two of them, lies in one Arrow array; a line is a
row of places in it; `take` copies. What is not made here (floating point, and whatever else a hook gives) msgspec
writes, a column at a time.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import starmap
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from sluice_core.lake.arrow import Array, Chunked, pc
from sluice_core.lake.column_types import TIMESTAMP
from sluice_core.wire.event_time import MAX_MICROS, MICROS, MIN_MICROS

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]

_FEW: Final = 5_000
"""Values of a table that is done by rows: to begin by columns costs a millisecond."""
_BLOCK: Final = 150_000
"""Values of a block: what it needs besides the text is some MiB."""
_NARROW: Final = 2**31
"""Bytes of which Arrow's strings cannot count the places, where large strings do."""
_ENCODER: Final = msgspec.json.Encoder()
_QUOTE, _BACKSLASH, _SPACE, _NEWLINE, _T = b'"\\ \nT'
_DATE, _SECONDS, _WHOLE = 10, 19, 26
"""Characters of `2026-11-23`, and with `T14:00:00`, and with `.000000`."""
_ESCAPES: Final = {
    byte: bytes(_ENCODER.encode(chr(byte))[1:-1]) for byte in (_BACKSLASH, _QUOTE, *range(_SPACE))
}
"""What stands for a character that JSON's text may not hold as it is. The backslash must be replaced first."""
_LONGER: Final = np.array([len(_ESCAPES.get(byte, b" ")) - 1 for byte in range(256)])


def encode_json_lines(table: pa.Table) -> bytes:
    """The lines of a table, by what is cheaper for it."""
    few = table.num_rows * table.num_columns < _FEW
    return by_rows(table) if few else by_columns(table)


def by_rows(table: pa.Table) -> bytes:
    """The lines, row by row."""
    columns: list[Sequence[Any]] = [_values(column) for column in table.columns]
    return _ENCODER.encode_lines(
        list(starmap(_row_of(tuple(table.column_names)), zip(*columns, strict=True)))
    )


@lru_cache(maxsize=64)
def _row_of(names: tuple[str, ...]) -> Callable[..., Any]:
    """What makes a row of its values: a struct, made and written in half of a dict's time, where its names may be
    any that a hook has given."""
    fields: list[str] = [f"f{number}" for number in range(len(names))]
    try:
        return msgspec.defstruct(
            "Row", fields, rename=dict(zip(fields, names, strict=True)), gc=False
        )
    except ValueError:
        # It writes no name with a quotation mark, a backslash or a control character.
        return lambda *values: dict(zip(names, values, strict=True))


def _values(column: Chunked) -> list[Any]:
    """What the encoder takes. Times are written natively: a datetime of Python costs as much as twenty texts."""
    if column.type != TIMESTAMP:
        return column.to_pylist()
    values: list[Any] = _iso_8601(column, "Z").to_pylist()
    return values


def _iso_8601(times: Any, zone: str) -> Any:
    """With a fraction only where there is one."""
    texts = pc.strftime(times, format=f"%Y-%m-%dT%H:%M:%S{zone}")
    return pc.replace_substring(texts, f".000000{zone}", zone)


def by_columns(table: pa.Table) -> bytes:
    """The lines, made by columns."""
    if not table.num_columns:
        return b""
    wide = table.get_total_buffer_size() >= _NARROW
    batches = table.to_batches(max_chunksize=max(1, _BLOCK // table.num_columns))
    lines = _lines(table.schema)
    return b"".join([lines.of(batch, wide=wide) for batch in batches if batch.num_rows])


class _Texts(NamedTuple):
    """Texts one after the other: where each ends in `data`, and which of them are of no value (None: none)."""

    ends: Numbers
    data: Any
    missing: Flags | None = None


class _Lines:
    """Makes the lines of tables of one schema.

    `_between`: four texts for each gap, by whether the value before it is missing (2) or not (0), and the one after it
    (1 or 0); then the empty one, which is what a missing value itself is. Texts of columns of one type lie together:
    `_place` tells where a column's are.
    """

    def __init__(self, schema: pa.Schema) -> None:
        kinds = [pa.string() if pa.types.is_large_string(kind) else kind for kind in schema.types]
        groups: dict[pa.DataType, list[int]] = {}
        for number, kind in enumerate(kinds):
            groups.setdefault(kind, []).append(number)
        self._groups = [(_MADE.get(kind, _UNKNOWN).texts, group) for kind, group in groups.items()]
        order = [number for group in groups.values() for number in group]
        self._place = np.argsort(np.array(order, np.int32)).astype(np.int32)
        after: list[bytes] = [b"", b""]
        between: list[bytes] = []
        for number, (name, kind) in enumerate(zip(schema.names, kinds, strict=True)):
            start = (b"," if number else b"{") + _ENCODER.encode(name) + b":"
            made = _MADE.get(kind, _UNKNOWN)
            between += [end + start + value for end in after for value in (made.before, b"null")]
            after = [made.after, b""]
        between += [end + b"}\n" for end in after for _ in range(2)]
        between.append(b"")
        self._between = _Texts(np.cumsum(list(map(len, between))), b"".join(between))

    def of(self, batch: pa.RecordBatch, *, wide: bool) -> memoryview:
        """The lines of some rows; `wide`: their texts may be too much for Arrow's strings."""
        rows, columns = batch.num_rows, batch.num_columns
        parts = [texts([batch.column(n) for n in group], wide) for texts, group in self._groups]
        array = _array(_joined([*parts, self._between]))
        places = np.empty((rows, 2 * columns + 1), np.int32)
        gaps, values = rows * columns, self._place * rows
        places[:, ::2] = gaps + 4 * np.arange(columns + 1)
        places[:, 1::2] = values + np.arange(rows, dtype=np.int32)[:, None]
        if any(part.missing is not None for part in parts):
            missing = np.concatenate([_flags(part) for part in parts])
            gone = missing.reshape(columns, rows)[self._place].T
            places[:, :-1:2] += gone
            places[:, 2::2] += 2 * gone
            places[:, 1::2][gone] = len(array) - 1
        lines: memoryview = _content(pc.take(array, pa.array(places.ravel()))).data
        return lines


@lru_cache(maxsize=64)
def _lines(schema: pa.Schema) -> _Lines:
    """A hook may give other names each time."""
    return _Lines(schema)


def _strings(arrays: Sequence[Array], wide: bool) -> _Texts:
    if wide or len({array.type for array in arrays}) > 1:
        arrays = [array.cast(pa.large_string()) for array in arrays]
    array = pa.concat_arrays(arrays)
    return _escaped(_content(array))._replace(missing=_missing(array))


def _plain(arrays: Sequence[Array], _wide: bool) -> _Texts:
    array = pa.concat_arrays(arrays)
    return _content(array.cast(pa.string()))._replace(missing=_missing(array))


def _times(arrays: Sequence[Array], _wide: bool) -> _Texts:
    array = pa.concat_arrays(arrays)
    micros = array.cast(pa.int64()).fill_null(0)
    values: Numbers = micros.to_numpy()
    missing = _missing(array)
    if values.min() < MIN_MICROS or values.max() > MAX_MICROS:
        return _content(_iso_8601(array, ""))._replace(missing=missing)
    texts = _content(micros.cast(pa.timestamp("us")).cast(pa.string()))
    digits: Bytes = np.frombuffer(texts.data, np.uint8).reshape(-1, _WHOLE).copy()
    digits[:, _DATE] = _T
    fine = values % MICROS != 0
    kept = np.ones(digits.shape, np.bool_)
    kept[:, _SECONDS:] = fine[:, None]
    return _Texts(np.cumsum(np.where(fine, _WHOLE, _SECONDS)), digits[kept].data, missing)


def _by_msgspec(arrays: Sequence[Array], _wide: bool) -> _Texts:
    """No JSON text of msgspec's holds a line end."""
    lines = b"".join(_ENCODER.encode_lines(array.to_pylist()) for array in arrays)
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == _NEWLINE)
    return _Texts(ends - np.arange(len(ends)), lines.replace(b"\n", b""))


class _Made(NamedTuple):
    """How columns of a type are written: their texts, and what stands before and after each that is there."""

    texts: Callable[[Sequence[Array], bool], _Texts]
    before: bytes = b""
    after: bytes = b""


_MADE: Final[dict[pa.DataType, _Made]] = {
    pa.string(): _Made(_strings, b'"', b'"'),
    TIMESTAMP: _Made(_times, b'"', b'Z"'),
    pa.int64(): _Made(_plain),
    pa.bool_(): _Made(_plain),
}
_UNKNOWN: Final = _Made(_by_msgspec)


def _content(array: Array) -> _Texts:
    """What an array of strings or bytes holds."""
    _, places, data = array.buffers()
    number = np.int32 if pa.types.is_string(array.type) else np.int64
    ends = np.frombuffer(memoryview(places or b""), number)
    ends = ends[array.offset : array.offset + len(array) + 1].astype(np.int64)
    return _Texts(ends[1:] - ends[0], memoryview(data or b"")[ends[0] : ends[-1]])


def _missing(array: Array) -> Flags | None:
    return array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None


def _flags(texts: _Texts) -> Flags:
    return np.zeros(len(texts.ends), np.bool_) if texts.missing is None else texts.missing


def _escaped(texts: _Texts) -> _Texts:
    """Text as JSON may hold it."""
    data: Bytes = np.frombuffer(texts.data, np.uint8)
    at = np.flatnonzero((data < _SPACE) | (data == _QUOTE) | (data == _BACKSLASH))
    if not len(at):
        return texts
    found = data[at]
    owner = np.searchsorted(texts.ends, at, side="right")
    longer = np.bincount(owner, _LONGER[found], len(texts.ends)).astype(np.int64)
    body, present = bytes(texts.data), set(found.tolist())
    for byte, escape in _ESCAPES.items():
        if byte in present:
            body = body.replace(bytes([byte]), escape)
    return _Texts(texts.ends + np.cumsum(longer), body)


def _joined(parts: Sequence[_Texts]) -> _Texts:
    starts = np.cumsum([0, *(len(part.data) for part in parts)])
    ends = [part.ends + start for part, start in zip(parts, starts, strict=False)]
    return _Texts(np.concatenate(ends), b"".join([part.data for part in parts]))


def _array(texts: _Texts) -> Array:
    places = np.concatenate([np.zeros(1, np.int64), texts.ends])
    buffers = [None, pa.py_buffer(places.data), pa.py_buffer(texts.data)]
    array: Array = pa.Array.from_buffers(pa.large_binary(), len(texts.ends), buffers)
    return array
