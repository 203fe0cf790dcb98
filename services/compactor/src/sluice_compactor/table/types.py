"""Which Iceberg type a raw column gets, and how its values become a column's that is there already.

A value never changes: what cannot be the column's exactly makes the object unfit.
https://iceberg.apache.org/spec/#primitive-types
"""

from typing import Any, Final, cast

import pyarrow as pa
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
)
from sluice_core.lake.arrow import Chunked, chunked, nulls
from sluice_core.lake.tables import ARROW_ERRORS

from sluice_compactor.errors import UnfitError

_SIMPLE: Final[tuple[tuple[Any, IcebergType], ...]] = (
    (pa.types.is_boolean, BooleanType()),
    (pa.types.is_int8, IntegerType()),
    (pa.types.is_int16, IntegerType()),
    (pa.types.is_int32, IntegerType()),
    (pa.types.is_uint8, IntegerType()),
    (pa.types.is_uint16, IntegerType()),
    (pa.types.is_integer, LongType()),
    (pa.types.is_float16, FloatType()),
    (pa.types.is_float32, FloatType()),
    (pa.types.is_floating, DoubleType()),
    (pa.types.is_string, StringType()),
    (pa.types.is_large_string, StringType()),
    (pa.types.is_binary, BinaryType()),
    (pa.types.is_large_binary, BinaryType()),
    (pa.types.is_date, DateType()),
)


def iceberg_type(column: str, kind: pa.DataType) -> IcebergType:
    """The type of a new column. Raises UnfitError for one that the table does not take (a list, a struct, a time)."""
    if pa.types.is_dictionary(kind):
        return iceberg_type(column, kind.value_type)
    if pa.types.is_timestamp(kind):
        return TimestampType() if kind.tz is None else TimestamptzType()
    if isinstance(kind, pa.Decimal128Type):
        return DecimalType(kind.precision, kind.scale)
    for is_kind, found in _SIMPLE:
        if is_kind(kind):
            return found
    raise UnfitError(
        f"column {column!r} is of type {kind}, which the table does not take: write it as JSON text"
    )


def fitted(column: str, values: Chunked, kind: pa.DataType, *, from_text: bool) -> Chunked:
    """`values` as `kind`, or UnfitError. `from_text`: they are CSV's or JSON's text, which may be any type's."""
    if values.type == kind:
        return values
    if pa.types.is_null(values.type):
        return cast("Chunked", chunked([nulls(len(values), kind)], kind))
    if not _may(values.type, kind, from_text=from_text):
        raise UnfitError(f"column {column!r} is {kind} in the table, and {values.type} here")
    try:
        return values.cast(kind)
    except ARROW_ERRORS as error:
        # Arrow's words quote the value, and no event's content is told.
        raise UnfitError(
            f"column {column!r} is {kind} in the table, and a value here is none"
        ) from error


def _may(there: pa.DataType, kind: pa.DataType, *, from_text: bool) -> bool:
    if pa.types.is_dictionary(there):
        return _may(there.value_type, kind, from_text=from_text)
    text = pa.types.is_string(there) or pa.types.is_large_string(there)
    if text and from_text:
        return True
    families = (
        (pa.types.is_string, pa.types.is_large_string),
        (pa.types.is_binary, pa.types.is_large_binary),
        (pa.types.is_boolean,),
        # Arrow's safe casts refuse each value that the other type has not.
        (pa.types.is_integer, pa.types.is_floating),
        (pa.types.is_decimal,),
        (pa.types.is_date,),
    )
    if pa.types.is_timestamp(there) and pa.types.is_timestamp(kind):
        # A time without a zone is no moment; only UTC is the same in both.
        return (there.tz is None) == (kind.tz is None)
    return any(
        any(f(there) for f in family) and any(f(kind) for f in family) for family in families
    )
