"""`SLUICE_SOURCE_HEADERS`: the request headers that a source asks for, one `Name: value` a line.

They are secret, so that a refusal names the line and the rule, never what stands there.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token (RFC 9110 section 5.6.2)."""
_TAKEN: Final = {
    "user-agent": "SLUICE_USER_AGENT sets it",
    "last-event-id": "the producer resumes by it",
    "accept": "it is text/event-stream",
    "accept-encoding": "it is identity",
    "cache-control": "it is no-cache",
    "host": "the URL sets it",
    "connection": "it belongs to the connection",
    "content-length": "a GET has no body",
    "transfer-encoding": "a GET has no body",
}


def parse_headers(text: str) -> dict[str, str]:
    """Name → value, in order; empty lines count for nothing. Raises ValueError, which holds nothing of `text`."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not colon or not _NAME.fullmatch(name) or not value:
            raise ValueError(f"line {number}: `Name: value` is needed")
        if any((c < " " and c != "\t") or c == "\x7f" for c in value):
            raise ValueError(f"line {number}: a header's value holds no control character")
        if name.lower() in _TAKEN:
            raise ValueError(f"line {number}: {name} cannot be set: {_TAKEN[name.lower()]}")
        if name.lower() in map(str.lower, found):
            raise ValueError(f"line {number}: a second header of that name")
        found[name] = value
    return found
