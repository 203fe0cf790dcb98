"""Points in time as text: what RFC 3339 and ISO 8601 allow, and the dates of HTTP and mail.

Read is what has one meaning. Text without an offset is UTC; a date alone, or a time without seconds, is the
beginning of what it names. A leap second is the last microsecond of its minute, so that it stays in its hour.
More digits than microseconds are cut off, never rounded: 23:59:59.9999999 is not the next day.

No time, because it has two meanings or says too little: a year of two digits (RFC 850), a weekday that is
not that day's, a time zone by its name other than UTC's, and bare digits (`20231114`, `2023`), which may be
a date as well as a number (`times` reads numbers).
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

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
