"""The id under which an event is known from the source to its row."""

import hashlib
import json
from typing import Any

import orjson


def event_id(event: bytes, sse_id: str | None = None) -> str:
    """`meta.id` when the event is JSON that has one, else its SSE id, else the SHA-256 of its bytes (hex).

    `event`: the event's data as the wire carries it, without a line end.
    """
    return parsed_id(event) or sse_id or digest(event)


def parsed_id(event: bytes) -> str | None:
    """`meta.id` out of an event's bytes; None when they are not JSON, or have none."""
    try:
        return meta_id(orjson.loads(event))
    except orjson.JSONDecodeError:
        pass
    try:
        return meta_id(parse_patiently(event))
    except ValueError:
        return None


def parse_patiently(event: bytes) -> Any:
    """An event's JSON, with what the grammar allows and fast parsers refuse: half a surrogate pair.

    JavaScript writes such escapes. Numbers of more than 18 digits and all fractions stay text here: this is
    for finding an event's id. Raises ValueError for what is no JSON (NaN is none), or nested too deeply.
    """
    try:
        return json.loads(
            event.decode("utf-8"), parse_constant=_refuse, parse_int=_number, parse_float=str
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _number(text: str) -> int | str:
    return int(text) if len(text) <= 18 else text


def meta_id(event: Any) -> str | None:
    """`meta.id` of a parsed event, when it is text that is not empty, or a whole number.

    Half a surrogate pair in it, which UTF-8 cannot carry, is U+FFFD, as in the row.
    """
    found = _meta(event).get("id")
    if not found or not isinstance(found, str | int) or found is True:
        return None
    text = str(found)
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_canary(event: Any) -> bool:
    """Whether a parsed event is one of EventStreams' artificial ones (`meta.domain` is "canary")."""
    return bool(_meta(event).get("domain") == "canary")


def digest(event: bytes) -> str:
    """The SHA-256 of an event's bytes, in hexadecimal."""
    return hashlib.sha256(event).hexdigest()


def _meta(event: Any) -> dict[str, Any]:
    meta = event.get("meta") if isinstance(event, dict) else None
    return meta if isinstance(meta, dict) else {}
