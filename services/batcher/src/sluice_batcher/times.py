"""Points in time out of whatever a source writes.

Text is ISO 8601 (without an offset it is UTC). A number is Unix time: in seconds below 1e11 (the year 5138),
in milliseconds below 1e14, in microseconds above; sources in the wild use all three. Internally a time is a
number of microseconds since the epoch, UTC, within the years 1 to 9999 that Python and ISO 8601 can write.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from sluice_batcher.arrow import Array, pc

TIMESTAMP: Final = pa.timestamp("us", tz="UTC")
MICROS: Final = 1_000_000
_MILLIS_FROM: Final = 10**11
_MICROS_FROM: Final = 10**14
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MIN_MICROS: Final = -62_135_596_800 * MICROS
MAX_MICROS: Final = 253_402_300_800 * MICROS - 1


def to_micros(value: Any) -> int | None:
    """Microseconds since the epoch of one value as JSON gives it, or None when it is no time."""
    if isinstance(value, str):
        return _text_micros(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    size = abs(value)
    factor = MICROS if size < _MILLIS_FROM else 1000 if size < _MICROS_FROM else 1
    return _in_range(round(value * factor))


def to_datetime(micros: int) -> datetime:
    """The UTC datetime of microseconds within `MIN_MICROS` and `MAX_MICROS`."""
    return _EPOCH + timedelta(microseconds=micros)


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
        if min(numbers) >= 0 and max(numbers) < _MILLIS_FROM:
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


def _text_micros(text: str) -> int | None:
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return _in_range((parsed - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return None


def _in_range(micros: int) -> int | None:
    return micros if MIN_MICROS <= micros <= MAX_MICROS else None
