"""What an object's metadata tell of its columns' types: a letter a column, in the columns' order.

CSV knows no types and JSON lines few: a column of digits may be text, and one without a value anything. With the
letters whoever makes a table out of objects need not guess. A letter a column, because S3 gives all metadata of an
object 2 KB (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

MAX_COLUMNS: Final = 1000
"""More columns have no letters: the header would grow beyond what S3 takes."""

_TYPES: Final[Mapping[str, pa.DataType]] = {
    "s": pa.string(),
    "i": pa.int64(),
    "f": pa.float64(),
    "b": pa.bool_(),
    "t": pa.timestamp("us", tz="UTC"),
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
