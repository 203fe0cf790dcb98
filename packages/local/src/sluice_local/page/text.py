"""Strangers' text, made fit to be looked at: bounded, on one line, and unable to steer its surroundings."""

from typing import Any, Final

CELL: Final = 160
"""Characters of one value: more than a cell shows, few enough that a state stays small."""

_STEERING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
"""Embeddings, overrides and isolates (UAX #9) make text read as what it is not; the last two break lines. The marks
U+200E and U+200F stay: honest Hebrew and Arabic titles have them."""


def shown(value: Any, limit: int = CELL) -> str:
    """`value` as text of at most `limit` characters, `…` the last one where it was cut.

    Control characters, lone surrogates and what steers the direction of writing become `\\u202e`; None is "".
    """
    if value is None:
        return ""
    # Cut first: the work is bounded whatever came. One more character tells whether there was more.
    text = "".join(map(_visible, str(value)[: limit + 1]))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _visible(character: str) -> str:
    code = ord(character)
    hidden = code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000
    return f"\\u{code:04x}" if hidden or character in _STEERING else character
