"""Many objects' tables as one, without a changed value.

Where objects differ in a column's type, the column takes one that holds all values exactly, else it is text.
CSV knows no types: its text is narrowed only where what comes out would be written as it was read.
"""

import json
from typing import Any, Final, cast

import pyarrow as pa

from sluice_core.lake.arrow import Chunked, chunked, nulls, pc
from sluice_core.lake.column_types import TIMESTAMP

# The stubs know it for constant types only.
_table: Any = pa.table
ARROW_ERRORS: Final = (
    pa.ArrowInvalid,
    pa.ArrowTypeError,
    pa.ArrowNotImplementedError,
    OverflowError,
)
_INTEGER: Final = r"^(0|-?[1-9][0-9]{0,18})$"
"""An integer that is written again as it was read: no zero or plus sign before it, no exponent, no `-0`."""
_BOOL: Final = r"^(true|false)$"
_FLOAT: Final = r"^-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}$"
_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3,6})?\+00:00$"
_TEXT: Final = frozenset({"type", "title", "comment", "user", "event_id", "wiki"})
"""Columns of the built-in sets that are text, whatever their values look like."""


def together(tables: list[pa.Table]) -> pa.Table:
    """One table; a column whose type differs between objects takes one that holds all values exactly, else text."""
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    columns = {
        name: _chunks([(t.column(name) if name in t.column_names else t.num_rows) for t in tables])
        for name in names
    }
    if not columns:
        return pa.table({})
    return cast("pa.Table", _table(columns))


def _chunks(pieces: list[Chunked | int]) -> Chunked:
    """A column out of each object's piece of it, or the number of rows in an object that has none."""
    found = list(
        dict.fromkeys(
            p.type for p in pieces if not isinstance(p, int) and not pa.types.is_null(p.type)
        )
    )
    for kind in [_common(found), pa.string()]:
        if kind is None:
            continue
        try:
            arrays: Any = [
                chunk
                for piece in pieces
                for chunk in (
                    [nulls(piece, kind)] if isinstance(piece, int) else _as(piece, kind).chunks
                )
            ]
            column: Chunked = chunked(arrays, kind)
        except ARROW_ERRORS:
            continue
        return column
    texts = [
        [None] * p if isinstance(p, int) else list(map(as_text, p.to_pylist())) for p in pieces
    ]
    return cast("Chunked", chunked([pa.array(text, pa.string()) for text in texts]))


def _common(kinds: list[pa.DataType]) -> pa.DataType | None:
    """The type that holds the values of all these; None: there is none but text."""
    if len(kinds) < 2:
        return kinds[0] if kinds else pa.string()
    fields = [pa.schema([("v", kind)]) for kind in kinds]
    try:
        common: pa.DataType = pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except ARROW_ERRORS:
        return None
    return common


def _as(piece: Chunked, kind: pa.DataType) -> Chunked:
    """Cast where no value changes; raises ArrowInvalid otherwise (Arrow's safe casts refuse what would)."""
    return piece if piece.type == kind else piece.cast(kind)


def narrowed(tables: list[pa.Table], csv: list[bool]) -> list[pa.Table]:
    """CSV's text in the types that its values are written in, column by column over all objects."""
    ours = [table for table, is_csv in zip(tables, csv, strict=True) if is_csv]
    others = [table for table, is_csv in zip(tables, csv, strict=True) if not is_csv]
    kinds: dict[str, pa.DataType] = {}
    for name in dict.fromkeys(name for table in ours for name in table.column_names):
        typed = [t.schema.field(name).type for t in others if name in t.column_names]
        if name in _TEXT or pa.string() in typed:
            continue
        pieces = [table.column(name) for table in ours if name in table.column_names]
        rules: list[tuple[pa.DataType, str]] = [
            *_WRITTEN,
            *((k, rule) for k, rule in _DECLARED if k in typed),
        ]
        kind = next(
            (k for k, rule in rules if all(_all_match(piece, rule) for piece in pieces)), None
        )
        if kind is not None and any(piece.null_count < len(piece) for piece in pieces):
            try:
                for piece in pieces:
                    piece.cast(kind)
            except pa.ArrowInvalid:
                continue
            kinds[name] = kind
    return [
        table
        if not is_csv
        else table.cast(pa.schema([(f.name, kinds.get(f.name, f.type)) for f in table.schema]))
        for table, is_csv in zip(tables, csv, strict=True)
    ]


_WRITTEN: Final[tuple[tuple[pa.DataType, str], ...]] = ((pa.int64(), _INTEGER), (pa.bool_(), _BOOL))
_DECLARED: Final[tuple[tuple[pa.DataType, str], ...]] = (
    (pa.float64(), _FLOAT),
    (TIMESTAMP, _TIME),
)
"""What CSV text is only where another format says so."""


def _all_match(column: Chunked, rule: str) -> bool:
    return pc.all(pc.match_substring_regex(column, rule)).as_py() is not False


def as_text(value: Any) -> str | None:
    """A value as text: text as it is, anything else as its JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
