"""Paths into an event's JSON: the keys of nested objects, from the outside in; `length.old` is `("length", "old")`."""

import re
from collections.abc import Iterable
from typing import Final

Path = tuple[str, ...]

_REFUSED: Final = re.compile(r'[\x00-\x1f"\\]')


def refused_key(path: Iterable[str]) -> str | None:
    """The first key of `path` that cannot be looked up: msgspec's names hold no `\\`, `"` or control character."""
    return next((key for key in path if _REFUSED.search(key)), None)
