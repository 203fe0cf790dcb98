"""When an event happened: where it says so, and the point in time in whatever its source writes there.

Where: `SLUICE_EVENT_TIME`, of both services. The batcher does not know its sources' presets, for several producers may
feed one queue; so the default asks for the fields of both, in an order that keeps the order of each: `meta.dt`,
`timestamp` (Wikimedia's) and `time`, `timestamp`, `created_at`, `ts` (anybody's).

A number is Unix time, in the unit that its size tells: seconds below 1e11 (the year 5138), milliseconds below
1e14, microseconds below 1e17, nanoseconds below 1e20; sources in the wild use all four. A number as text is
the same number. Digits that read as a calendar date (20231114, 20231114221320) are no time: as a date they
say another year than as a number.

Text: what RFC 3339 and ISO 8601 allow, and the dates of HTTP and mail. Read is what has one meaning. Text without an
offset is UTC; a date alone, or a time without seconds, is the beginning of what it names. A leap second is the last
microsecond of its minute, so that it stays in its hour. More digits than microseconds are cut off, never rounded:
23:59:59.9999999 is not the next day. No time, because it has two meanings or says too little: a year of two digits
(RFC 850), a weekday that is not that day's, a time zone by its name other than UTC's, and bare digits.

Internally a time is a number of microseconds since the epoch, UTC, within the years 1 to 9999 that Python and
ISO 8601 can write. What is finer is cut off.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Annotated, Any, Final

import orjson
from pydantic import AfterValidator

from sluice_core.wire.event_id import at, parse_patiently
from sluice_core.wire.paths import Path, refused_key

DEFAULT_EVENT_TIME: Final = "meta.dt,time,timestamp,created_at,ts"


def parse_paths(setting: str) -> tuple[Path, ...]:
    """The paths in a setting: commas between them, dots between the keys of each.

    Raises ValueError for an empty key, one that begins with @, and a path that appears twice.
    """
    paths: list[Path] = []
    for text in (part.strip() for part in setting.split(",")):
        path = tuple(text.split("."))
        if not all(path):
            raise ValueError(
                "paths are keys joined by dots, with commas between them (meta.dt, created_at); none may be empty"
            )
        if text.startswith("@"):
            raise ValueError(
                f"{text!r} is no field of an event: only paths in its data hold its time"
            )
        if (key := refused_key(path)) is not None:
            raise ValueError(
                f"key {key!r} holds a quotation mark, a backslash or a control character"
            )
        if path in paths:
            raise ValueError(f"path {text!r} appears twice")
        paths.append(path)
    return tuple(paths)


DEFAULT_PATHS: Final = parse_paths(DEFAULT_EVENT_TIME)


def _checked(setting: str) -> str:
    parse_paths(setting)
    return setting


EventTimePaths = Annotated[str, AfterValidator(_checked)]
"""The type of a setting that `parse_paths` reads."""


def event_time(event: bytes, paths: Sequence[Path]) -> int | None:
    """When an event happened, in microseconds since the epoch; None when it is no JSON or no path holds a time."""
    try:
        found = orjson.loads(event)
    except orjson.JSONDecodeError:
        try:
            found = parse_patiently(event)
        except ValueError:
            return None
    times = (to_micros(at(found, path)) for path in paths)
    return next((time for time in times if time is not None), None)


MICROS: Final = 1_000_000
SECONDS_FROM: Final = 10**8
"""Nine digits: smaller numbers may read as a date."""
MILLIS_FROM: Final = 10**11
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
    power = 6 if size < MILLIS_FROM else 3 if size < _MICROS_FROM else 0
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


_ISO: Final = re.compile(
    r"""
    (?P<year>\d{4})
    (?: -?W(?P<week>\d\d) (?: -?(?P<weekday>[1-7]) )?
      | (?P<dash>-?) (?P<month>\d\d) (?P=dash) (?P<day>\d\d)
      | -(?P<only_month>\d\d)
      | -?(?P<ordinal>\d{3})
    )
    (?: [Tt\x20]
        (?P<hour>\d\d) (?: :?(?P<minute>\d\d) (?: :?(?P<second>\d\d) )? )? (?: [.,](?P<fraction>\d+) )?
        (?P<zone> [Zz] | (?P<sign>[+\-\u2212]) (?P<zone_hour>\d\d) (?: :?(?P<zone_minute>\d\d) )? )?
    )?
    """,
    re.VERBOSE | re.ASCII,
)
_ZONE: Final = r"(?P<zone>GMT|UTC|UT|Z|[+-]\d{4})"
_CLOCK: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MAIL: Final = re.compile(
    rf"(?:(?P<weekday>[A-Za-z]{{3}}), )?(?P<day>\d\d?) (?P<month>[A-Za-z]{{3}}) (?P<year>\d{{4}}) {_CLOCK} {_ZONE}",
    re.ASCII,
)
_ASCTIME: Final = re.compile(
    rf"(?P<weekday>[A-Za-z]{{3}}) (?P<month>[A-Za-z]{{3}}) (?P<day>[ \d]?\d) {_CLOCK}(?: {_ZONE})? (?P<year>\d{{4}})",
    re.ASCII,
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_WEEKDAYS: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_LAST_HOUR: Final = 24
_LEAP: Final = 60


def parse_time(text: str) -> datetime | None:
    """The UTC datetime that a text names, or None when it names none, or more than one.

    Raises ValueError or OverflowError for digits that are no date (`2023-02-30`).
    """
    if match := _ISO.fullmatch(text):
        # Bare digits may be a number as well.
        return None if text.isdigit() else _iso(match)
    if match := _MAIL.fullmatch(text) or _ASCTIME.fullmatch(text):
        return _named(match)
    return None


def _iso(found: re.Match[str]) -> datetime | None:
    year = int(found["year"])
    if found["week"]:
        day = date.fromisocalendar(year, int(found["week"]), int(found["weekday"] or 1))
    elif found["ordinal"]:
        day = date(year, 1, 1) + timedelta(days=int(found["ordinal"]) - 1)
        if day.year != year:
            return None
    else:
        day = date(year, int(found["month"] or found["only_month"]), int(found["day"] or 1))
    if found["hour"] is None:
        return datetime.combine(day, time(), UTC)
    zone: timezone = UTC
    if found["sign"]:
        hours, minutes = int(found["zone_hour"]), int(found["zone_minute"] or 0)
        zone = _offset(found["sign"] != "+", hours, minutes)
    units = [found["hour"], found["minute"], found["second"]]
    return _moment(day, units, found["fraction"], zone)


def _named(found: re.Match[str]) -> datetime | None:
    month = _MONTHS.get(found["month"].lower())
    if month is None:
        return None
    day = date(int(found["year"]), month, int(found["day"]))
    if found["weekday"] and _WEEKDAYS[day.weekday()] != found["weekday"].lower():
        return None
    zone: timezone = UTC
    if found["zone"] and found["zone"][0] in "+-":
        zone = _offset(found["zone"][0] == "-", int(found["zone"][1:3]), int(found["zone"][3:]))
    return _moment(day, [found["hour"], found["minute"], found["second"]], None, zone)


def _offset(west: bool, hours: int, minutes: int) -> timezone:
    if hours >= _LAST_HOUR or minutes >= _LEAP:
        raise ValueError("an offset is less than a day")
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if west else size)


def _moment(
    day: date, units: list[str | None], fraction: str | None, zone: timezone
) -> datetime | None:
    hour, minute, second = (int(unit or 0) for unit in units)
    leap = second == _LEAP and minute == _LEAP - 1
    midnight = hour == _LAST_HOUR
    if midnight and (minute or second or int(fraction or 0)):
        return None
    clock = time(0 if midnight else hour, minute, second - leap)
    # A fraction belongs to the smallest unit that is written.
    unit = 3600 if units[1] is None else 60 if units[2] is None else 1
    digits = fraction or "0"
    micros = int(digits) * unit * 1_000_000 // 10 ** len(digits)
    if leap:
        micros = 999_999
    start = datetime.combine(day, clock, zone) + timedelta(days=midnight, microseconds=micros)
    return start.astimezone(UTC)
