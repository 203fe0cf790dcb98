"""The id under which an event is known from the source to its row."""

import hashlib
from typing import Any

import orjson


def event_id(event: bytes, sse_id: str | None = None) -> str:
    """`meta.id` when the event is JSON that has one, else its SSE id, else the SHA-256 of its bytes (hex).

    `event`: the event's data as the wire carries it, without a line end.
    """
    try:
        return meta_id(orjson.loads(event)) or sse_id or digest(event)
    except orjson.JSONDecodeError:
        return sse_id or digest(event)


def meta_id(event: Any) -> str | None:
    """`meta.id` of a parsed event, when it is text and not empty."""
    meta = event.get("meta") if isinstance(event, dict) else None
    found = meta.get("id") if isinstance(meta, dict) else None
    return found if isinstance(found, str) and found else None


def is_canary(event: Any) -> bool:
    """Whether a parsed event is one of EventStreams' artificial ones (`meta.domain` is "canary")."""
    meta = event.get("meta") if isinstance(event, dict) else None
    return isinstance(meta, dict) and meta.get("domain") == "canary"


def digest(event: bytes) -> str:
    """The SHA-256 of an event's bytes, in hexadecimal."""
    return hashlib.sha256(event).hexdigest()
