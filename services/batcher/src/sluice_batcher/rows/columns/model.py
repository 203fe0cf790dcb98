"""What a column is.

A path leads through an event's nested objects; `length.old` is `("length", "old")`. Paths that begin with `@`
name what is not a field of the event's JSON: `@event_id` (its id, wherever that came from), `@event_time` (the
time that the row is partitioned by), `@event_type` and `@sse_id` (its SSE type, and the SSE id of its own).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa
from sluice_core.lake.column_types import ARROW_TYPES

EVENT_ID: Final[tuple[str, ...]] = ("@event_id",)
EVENT_TIME: Final[tuple[str, ...]] = ("@event_time",)
EVENT_TYPE: Final[tuple[str, ...]] = ("@event_type",)
SSE_ID: Final[tuple[str, ...]] = ("@sse_id",)


class Kind(StrEnum):
    """The types that a column can have."""

    STRING = "string"
    INT64 = "int64"
    FLOAT64 = "float64"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    JSON = "json"


SPECIAL: Final[dict[tuple[str, ...], Kind]] = {
    EVENT_ID: Kind.STRING,
    EVENT_TIME: Kind.TIMESTAMP,
    EVENT_TYPE: Kind.STRING,
    SSE_ID: Kind.STRING,
}
"""The paths that begin with `@`, each with the type of its column."""


def arrow_type(kind: Kind) -> pa.DataType:
    """The Arrow type of a kind; a timestamp is in microseconds, UTC; JSON is its text."""
    return ARROW_TYPES[kind]


@dataclass(frozen=True)
class Column:
    """One column: its name in the output, where it is in the event, its type."""

    name: str
    path: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True)
class ColumnSet:
    """The columns of the output, in order. `whole`: none, the events go out as they came."""

    name: str
    columns: tuple[Column, ...]
    whole: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the output; every column may be null."""
        return pa.schema([(column.name, arrow_type(column.kind)) for column in self.columns])

    @property
    def has_event_id(self) -> bool:
        """Whether rows can be told apart: without it `sluice verify` cannot count them."""
        return self.whole or any(column.path == EVENT_ID for column in self.columns)
