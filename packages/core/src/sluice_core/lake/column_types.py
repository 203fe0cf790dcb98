"""The types that a column can have, and how an object's metadata tell them: a letter a column, in the columns' order.

CSV knows no types and JSON lines few: a column of digits may be text, and one without a value anything. With the
letters whoever makes a table out of objects need not guess. A letter a column, because S3 gives all metadata of an
object 2 KB (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

TIMESTAMP: Final = pa.timestamp("us", tz="UTC")

ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": TIMESTAMP,
    "json": pa.string(),
}
"""By the names that a columns file uses; JSON is its text."""

MAX_COLUMNS: Final = 1000
"""More columns have no letters: the header would grow beyond what S3 takes."""

_TYPES: Final = {
    "s": ARROW_TYPES["string"],
    "i": ARROW_TYPES["int64"],
    "f": ARROW_TYPES["float64"],
    "b": ARROW_TYPES["bool"],
    "t": TIMESTAMP,
}
_LETTERS: Final = {kind: letter for letter, kind in _TYPES.items()}
_OTHER: Final = "-"


def letters(schema: pa.Schema) -> str:
    """A letter for each column: `s` text, `i` int64, `f` float64, `b` bool, `t` timestamp, `-` another type."""
    if len(schema) > MAX_COLUMNS:
        return _OTHER
    return "".join(_LETTERS.get(field.type, _OTHER) for field in schema)


def told_types(told: str, names: Sequence[str]) -> dict[str, pa.DataType]:
    """The types that `told` gives to the columns `names`; none where it is not one letter for each of them."""
    if len(told) != len(names):
        return {}
    return {
        name: _TYPES[letter] for name, letter in zip(names, told, strict=True) if letter in _TYPES
    }
