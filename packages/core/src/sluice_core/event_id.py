"""The id under which an event is known from the source to its row."""

import hashlib
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
        return None


def meta_id(event: Any) -> str | None:
    """`meta.id` of a parsed event, when it is text that is not empty, or a whole number."""
    found = _meta(event).get("id")
    return str(found) if found and isinstance(found, str | int) and found is not True else None


def is_canary(event: Any) -> bool:
    """Whether a parsed event is one of EventStreams' artificial ones (`meta.domain` is "canary")."""
    return bool(_meta(event).get("domain") == "canary")


def digest(event: bytes) -> str:
    """The SHA-256 of an event's bytes, in hexadecimal."""
    return hashlib.sha256(event).hexdigest()


def _meta(event: Any) -> dict[str, Any]:
    meta = event.get("meta") if isinstance(event, dict) else None
    return meta if isinstance(meta, dict) else {}
