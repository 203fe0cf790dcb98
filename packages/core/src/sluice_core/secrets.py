"""What may be shown of a URL, and how the rest is kept out of every text that leaves the process.

A secret is anything in a header, in the user part of a URL or in its query. Libraries put URLs and headers
into their errors and logs, and a source may send back what it was sent: so texts from outside go through
`Secrets.hide`, whoever wrote them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from sluice_core.keys import safe_name

HIDDEN: Final = "********"

_PARTS: Final = re.compile(
    r"(?:[^/?#]*@)?(?P<place>(?:\[[0-9A-Fa-f:.]+\]|[\w.-]*)(?::[0-9]+)?(?:/[^?#@]*)?)(?P<rest>[?#].*)?",
    re.DOTALL,
)
_SHORTEST_WORD: Final = 4
"""Shorter values are hidden as `name=value` only: alone they are a part of any text."""
_SHORTEST_TOKEN: Final = 8
"""Of a header's value the tokens from this length on are hidden alone; `Bearer` and `Basic` are none."""
_USER: Final = re.compile(r"://[^/\s'\"@]*@")
_QUERY: Final = re.compile(r"\?[^\s'\"<>]+")


def shown_url(text: str) -> str:
    """`text` with stars in place of user part and query; of what is no URL nothing but the scheme."""
    return _cut(text, marked=True)


def public_url(text: str) -> str:
    """`text` without user part, query and fragment: what names may be derived from."""
    return _cut(text, marked=False)


def without_urls(text: str) -> str:
    """A library's error with stars in place of user parts and queries of all URLs in it."""
    return _QUERY.sub(f"?{HIDDEN}", _USER.sub(f"://{HIDDEN}@", text))


def _cut(text: str, *, marked: bool) -> str:
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    parts = _PARTS.fullmatch(rest)
    if (
        parts is None
    ):  # such as an unescaped `/` or `?` in a password: nobody can tell where it ends
        return f"{scheme}{mark}{HIDDEN}"
    place = parts["place"]
    if not marked:
        return f"{scheme}{mark}{place}"
    user = f"{HIDDEN}@" if parts.start("place") else ""
    query = f"{parts['rest'][0]}{HIDDEN}" if len(parts["rest"] or "") > 1 else parts["rest"] or ""
    return f"{scheme}{mark}{user}{place}{query}"


class Secrets:
    """The words that no text may hold, however they are quoted."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        forms = {form for word in words if word for form in _forms(word)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str]) -> "Secrets":
        """Those of a request: `url`'s user part and query, and the values of `headers`."""
        parts = urlsplit(url)
        words = [parts.query, *(pair for pair in parts.query.split("&") if "=" in pair)]
        words += [value for _, value in _pairs(parts.query) if len(value) >= _SHORTEST_WORD]
        user = parts.netloc.rpartition("@")[0]
        words += [part for part in (user, *user.split(":", 1)) if len(part) >= _SHORTEST_WORD]
        for value in headers.values():
            words += [value] if len(value) >= _SHORTEST_WORD else []
            words += [token for token in value.split() if len(token) >= _SHORTEST_TOKEN]
        return cls(words)

    def hide(self, text: str) -> str:
        """`text` with stars in place of each secret."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def hide_in(self, value: Any) -> Any:
        """`value` with `hide` applied to all text in it; what is neither text, number nor container becomes text."""
        if self._pattern is None or value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, Mapping):
            return {key: self.hide_in(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.hide_in(item) for item in value]
        return self.hide(repr(value))


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _forms(word: str) -> set[str]:
    plain = {word, unquote(word)}
    quoted = {
        quote(form, safe=safe) for form in plain for safe in ("", "/", "!#$%&'()*+,/:;=?@[]~")
    }
    quoted |= {quote_plus(form) for form in plain}
    escaped = {repr(form)[1:-1] for form in plain} | {ascii(form)[1:-1] for form in plain}
    folded = {safe_name(form) for form in plain}  # as keys once held them
    return {form for form in plain | quoted | escaped | folded if len(form) > 1}
