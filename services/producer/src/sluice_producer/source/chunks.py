"""HTTP's chunked coding, all that has come at once: a chunk of one event costs no more than its share of a read.

http.client gives one chunk a call, with three reads of its own buffer for each, and urllib3 checks each call:
for a source that writes event by event that is half of the work. Here one read of the socket is decoded as a whole.
Everything else (TLS, proxies, redirects, time-outs, codings, the end of a connection) stays theirs. Rule:
https://www.rfc-editor.org/rfc/rfc9112#section-7.1
"""

from http.client import HTTPResponse, IncompleteRead
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_READ: Final = 65_536
_MAX_LINE: Final = 65_536
"""Bytes of the line with a chunk's size, extensions included: http.client's own limit."""


class ChunkDecoder:
    """Decodes one body. `ended`: the last chunk has come; what follows it (trailers) is not looked at.

    `broken`: what came after the data given so far is no chunk.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0
        self.ended = False
        self.broken = False

    def feed(self, raw: bytes) -> bytes:
        """The data that `raw` brings, which is none where it holds framing alone."""
        if self._rest:
            raw = self._rest + raw
            self._rest = b""
        # `_left`: what is still to come of the open chunk and of the line end after it.
        at, length, parts = self._left, len(raw), []
        if at:
            if at > length:
                self._left = at - length
                return raw if self._left >= 2 else raw[: self._left - 2]
            parts.append(raw[: max(at - 2, 0)])
        self._left = 0
        while at < length:
            end = raw.find(b"\n", at)
            if end < 0:
                self._rest = raw[at:]
                self.broken = length - at > _MAX_LINE
                break
            size = _size(raw[at:end])
            if size <= 0:
                self.ended, self.broken = size == 0, size < 0
                break
            start = end + 1
            at = start + size + 2
            parts.append(raw[start : start + size])
        if at > length:
            self._left = at - length
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _size(line: bytes) -> int:
    """What a chunk's first line says; below 0 when it says nothing that can be one."""
    try:
        return int(line, 16)
    except ValueError:
        pass
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        return -1


class EagerResponse(HTTPResponse):
    """http.client's, but for `read1`, which gives all chunks that have come. One that is read so is read so to its end."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._chunks = ChunkDecoder()

    def read1(self, n: int = -1) -> bytes:
        """At least a byte, as soon as there is one; nothing at the end. Raises IncompleteRead when cut off before that."""
        if not self.chunked or n == 0 or self.isclosed():
            return super().read1(n)
        chunks = self._chunks
        while not chunks.ended:
            raw = b"" if chunks.broken else self.fp.read1(n if n > 0 else _READ)
            if not raw:
                raise IncompleteRead(b"")
            data = chunks.feed(raw)
            if data:
                return data
        self.close()
        return b""


class _Http(HTTPConnection):
    response_class = EagerResponse


class _Https(HTTPSConnection):
    response_class = EagerResponse


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class EagerAdapter(HTTPAdapter):
    """A requests adapter whose responses are eager, also through an HTTP proxy (through SOCKS they are as ever)."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """See `requests.adapters.HTTPAdapter`."""
        super().init_poolmanager(*args, **options)
        _make_eager(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """See `requests.adapters.HTTPAdapter`."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            _make_eager(manager)
        return manager


def _make_eager(manager: Any) -> None:
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
