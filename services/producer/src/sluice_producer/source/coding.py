"""Content codings: a stream is asked for plain, and what comes otherwise is decoded or refused by its name.

An unknown coding that is read as it comes gives no line that means anything: connected, ready, and no event.
"""

from typing import Final

from urllib3.response import HTTPResponse

_KNOWN: Final = frozenset(HTTPResponse.CONTENT_DECODERS)
"""What urllib3 decodes here: gzip and deflate always, others where their library is installed."""


def undecodable(header: str | None) -> str | None:
    """The coding in a Content-Encoding header that cannot be decoded, None when all can (RFC 9110 section 8.4).

    Several codings on top of one another are refused, too: urllib3 takes an `identity` among them for deflate.
    """
    codings = [name for part in (header or "").lower().split(",") if (name := part.strip())]
    if set(codings) <= {"identity"} or (len(codings) == 1 and codings[0] in _KNOWN):
        return None
    return ", ".join(codings)[:100]
