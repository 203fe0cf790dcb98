"""Durations and sizes as people write them: `5s`, `2m`, `64MiB`; a bare number is seconds or bytes."""

import math
import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator

_NUMBER = re.compile(r"^\s*([0-9]+(?:[._][0-9]+)*|[0-9]*\.[0-9]+)\s*([A-Za-zµ]*)\s*$")
_SECONDS: Final = {
    "": Decimal(1),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_BYTES: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}


def parse_seconds(value: object) -> float:
    """Seconds from a number or from text such as `250ms`, `5s`, `2m`, `12h`, `1d`.

    Raises ValueError for anything else, negative and non-finite numbers included.
    """
    if isinstance(value, bool):
        raise ValueError("a duration such as 5s, 2m or 90 is needed")  # noqa: TRY004  (pydantic wants it)
    if isinstance(value, int | float):
        number = float(value)
    else:
        match = _NUMBER.match(str(value))
        if not match or match[2].lower() not in _SECONDS:
            raise ValueError(
                "not a duration: write seconds (90) or a number with ms, s, m, h or d (2m)"
            )
        number = float(Decimal(match[1].replace("_", "")) * _SECONDS[match[2].lower()])
    if not math.isfinite(number) or number < 0:
        raise ValueError("a duration cannot be negative or infinite")
    return number


def parse_bytes(value: object) -> int:
    """Bytes from a number or from text such as `64MiB`, `1MB`, `65536`.

    Raises ValueError for anything else, fractions of a byte included.
    """
    if isinstance(value, bool):
        raise ValueError("a size such as 64MiB or 65536 is needed")  # noqa: TRY004  (pydantic wants it)
    if isinstance(value, int | float):
        number = Decimal(str(value))
    else:
        match = _NUMBER.match(str(value))
        if not match or match[2].lower() not in _BYTES:
            raise ValueError(
                "not a size: write bytes (65536) or a number with kB, MB, KiB, MiB or GiB (64MiB)"
            )
        number = Decimal(match[1].replace("_", "")) * _BYTES[match[2].lower()]
    if not number.is_finite() or number < 0 or number != number.to_integral_value():
        raise ValueError("a size is a whole number of bytes, zero or more")
    return int(number)


def format_bytes(size: float) -> str:
    """A size for people: `65536` becomes `64.0 KiB`."""
    for unit in ("B", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def write_seconds(seconds: float) -> str:
    """The shortest way to write a duration that `parse_seconds` reads back: 300.0 becomes `5m`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def write_bytes(size: int) -> str:
    """The shortest exact way to write a size that `parse_bytes` reads back: 65536 becomes `64KiB`."""
    for unit, factor in (
        ("GiB", 2**30),
        ("MiB", 2**20),
        ("KiB", 2**10),
        ("MB", 10**6),
        ("kB", 10**3),
    ):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


Seconds = Annotated[float, BeforeValidator(parse_seconds)]
"""A duration in seconds; settings take it as `90`, `90s` or `1.5m`."""

Bytes = Annotated[int, BeforeValidator(parse_bytes)]
"""A size in bytes; settings take it as `65536` or `64KiB`."""
