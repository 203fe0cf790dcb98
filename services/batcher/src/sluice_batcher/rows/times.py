"""Points in time out of whatever a source writes.

A number is Unix time, in the unit that its size tells: seconds below 1e11 (the year 5138), milliseconds below
1e14, microseconds below 1e17, nanoseconds below 1e20; sources in the wild use all four. A number as text is
the same number. Digits that read as a calendar date (20231114, 20231114221320) are no time: as a date they
say another year than as a number. Other text: see `time_text`.

Internally a time is a number of microseconds since the epoch, UTC, within the years 1 to 9999 that Python and
ISO 8601 can write. What is finer is cut off.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any, Final

import pyarrow as pa
from sluice_core.lake.arrow import Array, pc
from sluice_core.lake.column_types import TIMESTAMP

from sluice_batcher.rows.time_text import parse_time

MICROS: Final = 1_000_000
_SECONDS_FROM: Final = 10**8
"""Nine digits: smaller numbers may read as a date."""
_MILLIS_FROM: Final = 10**11
_MICROS_FROM: Final = 10**14
_NANOS_FROM: Final = 10**17
_NUMBERS_TO: Final = 10**20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MIN_MICROS: Final = -62_135_596_800 * MICROS
MAX_MICROS: Final = 253_402_300_800 * MICROS - 1
_FLOOR: Final = Context(prec=60, rounding=ROUND_FLOOR)
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?")
_YEARS: Final = range(1900, 2200)
_DATES: Final = frozenset({4, 6, 7, 8, 12, 14, 17})
"""Digits of YYYY, YYYYMM, YYYYDDD, YYYYMMDD, and that with hhmm, hhmmss, hhmmssSSS. No ten digits: these are seconds."""
_ORDINAL: Final = 7


def to_micros(value: Any) -> int | None:
    """Microseconds since the epoch of one value as JSON gives it, or None when it is no time."""
    if isinstance(value, str):
        return _number_micros(Decimal(value)) if _NUMBER.fullmatch(value) else _text_micros(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        # By the digits that it is written with: the binary fraction may lie just below them.
        return _number_micros(Decimal(repr(value))) if math.isfinite(value) else None
    return _number_micros(Decimal(value)) if abs(value) < _NUMBERS_TO else None


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
        if min(numbers) >= _SECONDS_FROM and max(numbers) < _MILLIS_FROM:
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
        parsed = parse_time(text)
        return None if parsed is None else _in_range((parsed - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return None


def _number_micros(number: Decimal) -> int | None:
    size = abs(number)
    if size >= _NUMBERS_TO or _reads_as_date(number):
        return None
    power = 6 if size < _MILLIS_FROM else 3 if size < _MICROS_FROM else 0
    scaled = number.scaleb(power if size < _NANOS_FROM else -3, _FLOOR)
    return _in_range(int(scaled.to_integral_value(ROUND_FLOOR)))


def _reads_as_date(number: Decimal) -> bool:
    if number != number.to_integral_value(ROUND_FLOOR):
        return False
    digits = str(int(number))
    if len(digits) not in _DATES or digits[0] not in "12" or int(digits[:4]) not in _YEARS:
        return False
    if len(digits) == _ORDINAL:
        return digits[4:] <= "366"
    month, day, clock = digits[4:6] or "01", digits[6:8] or "01", digits[8:].ljust(6, "0")
    try:
        date(int(digits[:4]), int(month), int(day))
    except ValueError:
        return False
    return clock[:2] < "24" and clock[2:4] < "60" and clock[4:6] < "60"


def _in_range(micros: int) -> int | None:
    return micros if MIN_MICROS <= micros <= MAX_MICROS else None
