"""Columns straight from the text of many events, without an object a value: Arrow's own JSON reader.

It takes what is plain: text, integers and booleans, each in a column of its own type. What else there is (ids, times,
JSON, floating point) comes from a struct that holds only that (`narrow`), by which every event was judged before.
A text that Arrow's reader refuses, or does not see as so many rows, is parsed event by event, as if it had never been
tried; so the rows are the same either way.

Where it is stricter than msgspec the text is refused, and nothing is lost but time: a text in a column of integers, an
escaped half of a surrogate pair, a key that appears twice. Where it is laxer it must not be asked: it does not
look whether text is UTF-8 (`lines.valid_utf8` does, before), and it rounds large integers in a column of floating point.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from pyarrow import json as arrow_json
from sluice_core.lake.arrow import Array, pc

from sluice_batcher.rows.columns import SPECIAL, Column, ColumnSet, Kind, arrow_type
from sluice_batcher.rows.refusals import Refusals
from sluice_batcher.rows.shape import Path, Shape

_read_json: Any = arrow_json.read_json
"""The stubs know of files only."""
_PLAIN: Final = {Kind.STRING, Kind.INT64, Kind.BOOL}
_WORTH: Final = 12
"""Columns. It reads all of an event, wanted or not: for fewer, a struct of them is the cheaper way."""
_BLOCK: Final = 16 * 2**20
"""Bytes that the reader takes at once; more than a text has, so that each is one piece."""


@dataclass(frozen=True)
class _Tree:
    """An object of the event: its plain fields' types, and the objects inside it."""

    leaves: dict[str, pa.DataType]
    inner: dict[str, "_Tree"]

    def fields(self) -> "Iterator[pa.Field[Any]]":
        """As the reader's schema names them."""
        for name, kind in self.leaves.items():
            yield pa.field(name, kind)
        for name, tree in self.inner.items():
            yield pa.field(name, pa.struct(list(tree.fields())))


class Native:
    """The plain columns of a column set, and `narrow`, the shape of what the others need of an event.

    `refusals`: whoever has read a text says here what came of it; whoever leaves a message to be read asks.
    """

    def __init__(self, plain: Sequence[Column], narrow: Shape) -> None:
        self.narrow = narrow
        self.refusals = Refusals()
        self.paths: Final = {column.path for column in plain}
        tree = _Tree({}, {})
        for column in plain:
            node = tree
            for part in column.path[:-1]:
                node = node.inner.setdefault(part, _Tree({}, {}))
            node.leaves[column.path[-1]] = arrow_type(column.kind)
        self._parse = arrow_json.ParseOptions(
            explicit_schema=pa.schema(list(tree.fields())), unexpected_field_behavior="ignore"
        )

    @classmethod
    def of(cls, columns: ColumnSet, asked: Iterable[tuple[Path, Kind]]) -> "Native | None":
        """What of `columns` is plain, if it is worth it; `asked`: what every event is asked for besides."""
        asked = list(asked)
        kinds: dict[Path, set[Kind]] = {}
        for path, kind in (*((c.path, c.kind) for c in columns.columns), *asked):
            kinds.setdefault(path, set()).add(kind)
        needed = {path for path, _ in asked}
        plain = {path for path, its in kinds.items() if len(its) == 1 and its <= _PLAIN}
        plain -= needed | SPECIAL.keys()
        if len(plain) < _WORTH or any(_inside(path, kinds) for path in kinds):
            return None
        rest = [(c.path, c.kind) for c in columns.columns if c.path not in plain | SPECIAL.keys()]
        return cls([c for c in columns.columns if c.path in plain], Shape([*rest, *asked]))

    def read(self, text: bytes, rows: int) -> "dict[Path, Array] | None":
        """The plain columns of a text of one event a line, by path; None when it has to be read another way."""
        options = arrow_json.ReadOptions(use_threads=False, block_size=max(_BLOCK, len(text) + 1))
        try:
            table: pa.Table = _read_json(
                pa.BufferReader(text), read_options=options, parse_options=self._parse
            )
            table.validate(full=True)
        except pa.ArrowInvalid:
            return None
        if table.num_rows != rows:
            return None
        return {path: _at(table, path) for path in self.paths}


def _inside(path: Path, others: Iterable[Path]) -> bool:
    """Whether one of `others` lies within what is at `path`."""
    return any(len(other) > len(path) and other[: len(path)] == path for other in others)


def _at(table: pa.Table, path: Path) -> Array:
    """What is at `path`; null where an object on the way is."""
    column: Any = table.column(path[0])
    whole: Array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return pc.struct_field(whole, list(path[1:])) if path[1:] else whole
