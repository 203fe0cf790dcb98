"""The table: made from the first object's columns, partitioned by day, and only ever extended.

A day is one partition, for an hour of a stream of 40 events a second is a small file; the hour is a column by
which rows are sorted, so that a reader of one hour, and the compactor, read that part alone. Both come from the
raw object's path: they are a function of the event's own time, so that all copies of an event have the same.
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType, IntegerType, NestedField, StringType
from sluice_core.errors import PermanentError

from sluice_compactor.errors import LostRaceError, UnfitError, told
from sluice_compactor.table.types import iceberg_type

DAY: Final = "dt"
HOUR: Final = "hour"
_DAY_FIELD: Final = 1000
PROPERTIES: Final[Mapping[str, str]] = {
    "write.parquet.compression-codec": "zstd",
    # Every commit writes a metadata file of its own, which nobody reads once there is a newer one.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # When many manifests are merged, all are: see `write.commit`.
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "2",
}


def load(catalog: Catalog, identifier: tuple[str, str]) -> Table | None:
    """The table as it is now; None where there is none."""
    with told(f"load table {'.'.join(identifier)}"):
        try:
            return catalog.load_table(identifier)
        except (NoSuchTableError, NoSuchNamespaceError):
            return None


def make(
    catalog: Catalog, identifier: tuple[str, str], columns: pa.Schema, id_column: str, where: str
) -> Table:
    """The table with `columns`, made at `where`; another's when that was faster (its columns may be others)."""
    fields = [
        NestedField(number, field.name, iceberg_type(field.name, field.type), required=False)
        for number, field in enumerate(
            [f for f in columns if not pa.types.is_null(f.type)], start=1
        )
    ]
    if id_column not in [field.name for field in fields]:
        fields.append(NestedField(len(fields) + 1, id_column, StringType(), required=False))
    day = NestedField(len(fields) + 1, DAY, DateType(), required=False, doc="Day of the event, UTC")
    hour = NestedField(day.field_id + 1, HOUR, IntegerType(), required=False, doc="Its hour, UTC")
    spec = PartitionSpec(PartitionField(day.field_id, _DAY_FIELD, IdentityTransform(), DAY))
    with told(f"make table {'.'.join(identifier)}"):
        try:
            return catalog.create_table(
                identifier,
                Schema(*fields, day, hour),
                location=where,
                partition_spec=spec,
                properties=dict(PROPERTIES),
            )
        except TableAlreadyExistsError as error:
            raise LostRaceError("another has made the table") from error


def extend(table: Table, columns: Mapping[str, pa.DataType]) -> None:
    """Adds columns, by one commit. Raises UnfitError for a type, LostRaceError when the schema has moved."""
    with told(f"extend table {'.'.join(table.name())}"), table.update_schema() as update:
        for name, kind in columns.items():
            update.add_column(name, iceberg_type(name, kind), required=False)


def new_columns(table: Table | None, columns: pa.Schema) -> dict[str, pa.DataType]:
    """Those of `columns` that the table (None: one to be made) has not, and that hold a value.

    Raises UnfitError for a name or a type that it does not take.
    """
    there = {} if table is None else {f.name.lower(): f.name for f in table.schema().fields}
    found = {}
    for field in columns:
        if field.name in (DAY, HOUR):
            raise UnfitError(
                f"column {field.name!r} has the name of the table's {'day' if field.name == DAY else 'hour'}: rename it"
            )
        known = there.get(field.name.lower())
        if known is not None and known != field.name:
            raise UnfitError(
                f"column {field.name!r} differs from the table's {known!r} in case alone, which engines do not tell"
            )
        if known is None and not pa.types.is_null(field.type):
            iceberg_type(field.name, field.type)
            found[field.name] = field.type
        there.setdefault(field.name.lower(), field.name)
    return found


def must_be_ours(table: Table, id_column: str) -> None:
    """Raises PermanentError where the table cannot hold events exactly once: it is not partitioned by day alone."""
    name = ".".join(table.name())
    spec, schema = table.spec(), table.schema()
    parts = [
        (field.name, schema.find_column_name(field.source_id), str(field.transform))
        for field in spec.fields
    ]
    if parts != [(DAY, DAY, "identity")]:
        raise PermanentError(
            f"table {name} is partitioned by {parts or 'nothing'}, and a compactor's by {DAY} alone: give it a "
            "table of its own (SLUICE_LAKE_TABLE)"
        )
    for column, kind in ((id_column, StringType), (HOUR, IntegerType)):
        if column not in schema.column_names or not isinstance(
            schema.find_field(column).field_type, kind
        ):
            raise PermanentError(
                f"table {name} has no column {column!r} of type {kind()}: "
                "SLUICE_LAKE_ID_COLUMN, or SLUICE_LAKE_TABLE, names the wrong one"
            )
