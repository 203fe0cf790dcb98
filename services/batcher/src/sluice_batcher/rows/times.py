"""Columns of times: what one value means stands in `sluice_core.wire.event_time`."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from sluice_core.lake.arrow import Array, pc
from sluice_core.lake.column_types import TIMESTAMP
from sluice_core.wire.event_time import (
    MAX_MICROS,
    MICROS,
    MILLIS_FROM,
    MIN_MICROS,
    SECONDS_FROM,
    to_micros,
)


def timestamp_array(values: Sequence[Any]) -> Array:
    """A `TIMESTAMP` array of values as JSON gives them; null where a value is missing or no time."""
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return pa.nulls(len(values), TIMESTAMP)
    if kinds == {str}:
        fast = _iso_array(values)
        if fast is not None:
            return fast
    elif kinds == {int}:
        numbers = [value for value in values if value is not None]
        if min(numbers) >= SECONDS_FROM and max(numbers) < MILLIS_FROM:
            seconds = pa.array(values, pa.int64())
            micros: Array = pc.multiply(seconds, pa.scalar(MICROS)).cast(TIMESTAMP)
            return micros
    return pa.array([to_micros(value) for value in values], pa.int64()).cast(TIMESTAMP)


def _iso_array(values: Sequence[Any]) -> Array | None:
    """Arrow's own parser, which wants an offset and at most six decimals; None when one text is otherwise."""
    try:
        parsed = pa.array(values, pa.string()).cast(TIMESTAMP)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    span = pc.min_max(parsed.cast(pa.int64())).as_py()
    return parsed if span["min"] >= MIN_MICROS and span["max"] <= MAX_MICROS else None
