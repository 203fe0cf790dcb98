"""A raw object's rows in the table's columns and types, or why they do not fit."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table
from sluice_core.keys import COLUMN_TYPES_METADATA
from sluice_core.lake.arrow import Chunked, chunked, nulls, pc, repeat
from sluice_core.lake.column_types import told_types
from sluice_core.lake.reader import read_table
from sluice_core.wire.event_id import META_ID
from sluice_core.wire.id_rule import Rule

from sluice_compactor.errors import UnfitError
from sluice_compactor.raw.events import event_rows, holds_events
from sluice_compactor.raw.listing import RawObject
from sluice_compactor.table.definition import DAY, HOUR, new_columns
from sluice_compactor.table.types import fitted


@dataclass(frozen=True)
class RawTable:
    """What an object holds: columns in types of its own or told by its metadata. `from_text`: CSV's or JSON's."""

    rows: pa.Table
    from_text: bool


def read_raw(
    name: str, body: bytes, metadata: Mapping[str, str], id_column: str, rule: Rule = META_ID
) -> RawTable:
    """The rows of one object; of events as they came `rule` tells the ids.

    Raises PermanentError when it cannot be read, UnfitError without an id in each row.
    """
    whole = holds_events(metadata)
    rows = event_rows(name, body, id_column, rule) if whole else read_table(name, body)
    from_text = not name.lower().endswith(".parquet")
    told = told_types(metadata.get(COLUMN_TYPES_METADATA, ""), rows.column_names)
    if len(set(rows.column_names)) != len(rows.column_names):
        raise UnfitError("two columns have the same name")
    if id_column not in rows.column_names:
        raise UnfitError(f"it has no column {id_column!r} (SLUICE_LAKE_ID_COLUMN)")
    for index, field in enumerate(rows.schema):
        # CSV's and JSON's values are typed by whoever wrote them, when that has told.
        if from_text and field.name in told and field.name != id_column:
            kind = told[field.name]
            column = fitted(field.name, rows.column(index), kind, from_text=True)
            rows = rows.set_column(index, pa.field(field.name, kind), column)
    ids = rows.column(id_column)
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
        if len(rows):
            raise UnfitError(f"column {id_column!r} is of type {ids.type}: ids are text")
    elif ids.null_count or pc.any(pc.equal(ids, "")).as_py():
        # Of nothing but nulls there is no sum.
        missing = ids.null_count + (pc.sum(pc.equal(ids, "")).as_py() or 0)
        where = " where SLUICE_EVENT_ID looks" if whole else ""
        raise UnfitError(f"{missing:,} of its {len(rows):,} rows have no event id{where}")
    return RawTable(rows, from_text)


class Fitter:
    """Puts raw rows into the table's columns; `schema` is Arrow's, with Iceberg's field ids."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.schema = schema_to_pyarrow(table.schema(), include_field_ids=True)

    def missing(self, raw: RawTable) -> dict[str, pa.DataType]:
        """Columns that the table must get first. Raises UnfitError."""
        return new_columns(self._table, raw.rows.schema)

    def fit(self, raw: RawTable, place: RawObject) -> pa.Table:
        """All rows, in the table's columns. Raises UnfitError."""
        count = len(raw.rows)
        columns: list[Chunked] = []
        for field in self.schema:
            if field.name == DAY:
                columns.append(_repeated(place.day, field.type, count))
            elif field.name == HOUR:
                columns.append(_repeated(place.hour, field.type, count))
            elif field.name in raw.rows.column_names:
                column = raw.rows.column(field.name)
                columns.append(fitted(field.name, column, field.type, from_text=raw.from_text))
            else:
                columns.append(chunked([nulls(count, field.type)], field.type))
        return pa.Table.from_arrays(columns, schema=self.schema)


def _repeated(value: object, kind: pa.DataType, count: int) -> Chunked:
    column: Chunked = chunked([repeat(pa.scalar(value, kind), count)], kind)
    return column
