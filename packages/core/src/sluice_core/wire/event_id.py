"""The id under which an event is known from the source to its row.

The producer decides it (`SLUICE_EVENT_ID`). An id that a reader would not derive by itself travels with the
message; a reader takes what travelled, else `meta.id`, else the hash. Two events that differ never share an id
that is derived here: a text that no UTF-8 can hold is no id, because its replacement would not be its own.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

import orjson

META_ID: Final = ("meta", "id")
_BETWEEN: Final = b"\xff"
"""Stands between an SSE id and the data in what is hashed: a byte that occurs in no UTF-8."""


def event_id(event: bytes, carried: str | None = None) -> str:
    """The id that travelled with the event, else its `meta.id`, else the SHA-256 of its bytes (hex).

    `event`: the event's data as the wire carries it, without a line end.
    """
    return carried or parsed_id(event) or digest(event)


def parsed_id(event: bytes) -> str | None:
    """`meta.id` out of an event's bytes; None when they are not JSON, or have none."""
    return find_id(event, META_ID)


def find_id(event: bytes, path: Sequence[str]) -> str | None:
    """The id at `path` in an event's bytes; None when they are not JSON, or have none there (see `id_text`)."""
    try:
        found = at(orjson.loads(event), path)
    except orjson.JSONDecodeError:
        found = 0.0
    if isinstance(found, float):
        # Not JSON for a fast parser, or a whole number that it could not hold.
        try:
            found = at(parse_patiently(event), path)
        except ValueError:
            return None
    return id_text(found)


def parse_patiently(event: bytes) -> Any:
    """An event's JSON, with what the grammar allows and fast parsers refuse: half a surrogate pair.

    JavaScript writes such escapes. Whole numbers of more than 18 digits stay text here: this is for finding an
    event's id. Raises ValueError for what is no JSON (NaN is none), or nested too deeply.
    """
    try:
        return json.loads(event.decode("utf-8"), parse_constant=_refuse, parse_int=_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _number(text: str) -> int | str:
    return int(text) if len(text) <= 18 else text


def meta_id(event: Any) -> str | None:
    """`meta.id` of a parsed event, when it is one (see `id_text`)."""
    return id_text(at(event, META_ID))


def id_text(value: Any) -> str | None:
    """A value of an event's JSON as an id: text that is not empty, or a whole number; else None.

    Text with half a surrogate pair is none: UTF-8 cannot hold it, and what replaces it could be another's.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if is_utf8(text) else None


def is_utf8(text: str) -> bool:
    """Whether `text` is not empty and can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return text != ""


def at(event: Any, path: Sequence[str]) -> Any:
    """What stands at `path` in a parsed event; None where there is nothing."""
    for name in path:
        event = event.get(name) if isinstance(event, dict) else None
    return event


def is_canary(event: Any) -> bool:
    """Whether a parsed event is one of EventStreams' artificial ones (`meta.domain` is "canary")."""
    return bool(at(event, ("meta", "domain")) == "canary")


def digest(event: bytes, sse_id: str | None = None) -> str:
    """The SHA-256, in hexadecimal, of an event's bytes, or of its SSE id, the byte 0xFF and its bytes.

    Neither part holds that byte (both are UTF-8): other parts never give the same bytes to hash.
    """
    if sse_id:
        event = sse_id.encode("utf-8", "surrogatepass") + _BETWEEN + event
    return hashlib.sha256(event).hexdigest()


def short_digest(event: bytes) -> str:
    """16 hexadecimal digits of the SHA-256 of an event's bytes: what a ledger tells of its content.

    64 bits: among two events under one id the chance that different ones look alike is 1 in 2**64.
    """
    return hashlib.sha256(event).hexdigest()[:16]
