"""Odd values into a column's type: converted where nothing is lost, else null. Never an error.

    string     text; anything else as it stands in the JSON
    int64      an integer; 5.0; "5"                   (null: 5.5, 2**63, true, "five", a fraction's digits beyond 2**53)
    float64    a number; "1.5"                        (null: an integer that a double cannot hold, true)
    bool       true, false; 1, 0; "true", "false"     (null: 2, "yes")
    timestamp  see `times`
    json       anything, as its JSON text

A lone surrogate (`"\\ud800"`, legal in JSON, in no UTF-8) becomes U+FFFD. A value comes as Python has it, or as
raw JSON (`msgspec.Raw`), where no decoder took it or where it is wanted as JSON, too.
"""

import json
import math
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sluice_core.wire.event_time import to_micros

from sluice_batcher.rows.columns import Kind

_INT64: Final = range(-(2**63), 2**63)
_INT64_DIGITS: Final = 20
_EXACT_DOUBLE: Final = 2**53
_LONGEST_INT: Final = 1000
_BOOLS: Final = {"true": True, "false": False}


def to_kind(value: Any, kind: Kind) -> Any:
    """`value`, as `json.loads` gives it or raw, in a column's type: str, int, float, bool or None.

    A timestamp comes back as it was given, when it is one: arrays of them are made by `times`.
    """
    if isinstance(value, msgspec.Raw):
        text = bytes(value)
        if kind is Kind.JSON or (kind is Kind.STRING and not text.startswith(b'"')):
            return None if text == b"null" else text.decode("utf-8", "replace")
        value = plain(value)
    return None if value is None else _CONVERTERS[kind](value)


def plain(value: Any) -> Any:
    """A value as `json.loads` gives it, whether it is raw or not; None for raw JSON that nobody can read."""
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return load_json(bytes(value).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def is_missing(value: Any) -> bool:
    """Whether a value is not there, or null."""
    return value is None or (isinstance(value, msgspec.Raw) and bytes(value) == b"null")


def load_json(text: bytes | str) -> Any:
    """As `json.loads`, but stricter about NaN and Infinity, which are not JSON, and more patient with numbers that
    Python refuses or cannot hold: they stay text. Raises ValueError or RecursionError.
    """
    return json.loads(
        text.decode("utf-8") if isinstance(text, bytes) else text,
        parse_constant=_refuse_constant,
        parse_int=_parse_int,
        parse_float=_parse_float,
    )


def clean_text(text: str) -> str:
    """`text` with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def json_text(value: Any) -> str:
    """Compact JSON text of a value."""
    return clean_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _to_string(value: Any) -> str:
    return clean_text(value) if isinstance(value, str) else json_text(value)


def _to_int(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = int(value) if abs(value) < _EXACT_DOUBLE and value == int(value) else None
    elif isinstance(value, str):
        value = _digits(value)
    return value if isinstance(value, int) and value in _INT64 else None


def _digits(text: str) -> int | None:
    body = text.removeprefix("-")
    plain = body.isascii() and body.isdigit() and len(body) < _INT64_DIGITS
    plain = plain and (body[0] != "0" or text == "0")
    return int(text) if plain else None


def _to_float(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return float(value) if abs(value) <= _EXACT_DOUBLE else None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _to_bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _BOOLS.get(value.lower())
    return bool(value) if value in (0, 1) else None


def _to_time(value: Any) -> str | int | float | None:
    return value if to_micros(value) is not None else None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _parse_int(text: str) -> int | str:
    return int(text) if len(text) < _LONGEST_INT else text


def _parse_float(text: str) -> float | str:
    number = float(text)
    return number if abs(number) != float("inf") else text


_CONVERTERS: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.STRING: _to_string,
    Kind.INT64: _to_int,
    Kind.FLOAT64: _to_float,
    Kind.BOOL: _to_bool,
    Kind.TIMESTAMP: _to_time,
    Kind.JSON: json_text,
}
