"""What travels beside the events of a message, because their JSON does not hold it.

SSE gives an event a type and an id of its own, and the producer may know it by an id that nobody can derive
from its JSON. JSON text, so that every character travels unchanged; only what there is takes room:

    {"types": "update", "sse": ["7", null], "ids": ["a\\nb", "c"]}

Each is a list of one entry an event, or for `types` one text when all are equal. Names that a reader does not
know are for a newer one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

DEFAULT_TYPE: Final = "message"
"""The type of an event without an `event:` line (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

MAX_CHARS: Final = 2**20
"""What a writer puts beside one message's events at most: characters of ids and types."""

EVENT_MAX_CHARS: Final = MAX_CHARS // 4
"""The same beside one event."""

READ_BYTES: Final = 16 * MAX_CHARS
"""What a reader unpacks of it at most: JSON writes up to twelve bytes for a character."""


@dataclass(frozen=True)
class Beside:
    """One entry an event each, or None where nothing travelled. `sse_ids`: None for an event without its own."""

    ids: list[str] | None = None
    types: list[str] | None = None
    sse_ids: list[str | None] | None = None

    def misfits(self, count: int) -> list[str]:
        """Names of those that are not of `count` entries."""
        parts: dict[str, Sequence[str | None] | None] = {
            "ids": self.ids,
            "types": self.types,
            "sse": self.sse_ids,
        }
        return [name for name, part in parts.items() if part is not None and len(part) != count]


def dump(
    *,
    ids: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    sse_ids: Sequence[str | None] | None = None,
) -> bytes | None:
    """The text that tells these; None when there is nothing to tell. Types that are all the default are nothing."""
    told: dict[str, Any] = {}
    if types and set(types) != {DEFAULT_TYPE}:
        told["types"] = list(types) if len(set(types)) > 1 else types[0]
    if sse_ids and any(sse_ids):
        told["sse"] = [sse_id or None for sse_id in sse_ids]
    if ids:
        told["ids"] = list(ids)
    # ASCII: half a surrogate pair has no other form.
    return json.dumps(told, separators=(",", ":")).encode() if told else None


def load(text: bytes, count: int) -> Beside:
    """What `dump` wrote, for a message of `count` events. Raises ValueError for what is nothing of the kind."""
    try:
        told = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(told, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  (bad input is a ValueError here, whatever its kind)
    types = told.get("types")
    return Beside(
        _texts(told.get("ids"), "ids"),
        [types] * count if isinstance(types, str) else _texts(types, "types"),
        _texts(told.get("sse"), "sse", nulls=True),
    )


def _texts(value: Any, name: str, *, nulls: bool = False) -> list[Any] | None:
    if value is None:
        return None
    kinds = (str, type(None)) if nulls else (str,)
    if not isinstance(value, list) or not all(isinstance(item, kinds) for item in value):
        raise ValueError(f"{name} is no list of texts")
    return value
