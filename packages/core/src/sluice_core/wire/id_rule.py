"""The rule by which an event gets its id, as `SLUICE_EVENT_ID` writes it."""

import json
from typing import Final

SHA256: Final = "sha256"
SSE: Final = "sse"

Rule = str | tuple[str, ...]
"""`SHA256`, `SSE`, or a path in the data."""


def parse_rule(text: str) -> Rule:
    """The rule that a setting names: `sha256`, `sse`, `a.path`, or a path as a JSON list, whose keys may hold
    dots (and be named like a rule). Raises ValueError."""
    if text in (SHA256, SSE):
        return text
    if text.startswith("["):
        try:
            parts = json.loads(text)
        except (ValueError, RecursionError):
            parts = None
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            parts = []
    else:
        parts = text.split(".")
    if not parts or not all(parts):
        raise ValueError(
            f"`{SHA256}`, `{SSE}` or a path is needed: keys joined by dots, or a JSON list of them"
        )
    return tuple(parts)
