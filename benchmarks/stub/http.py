"""HTTP/1.1 as far as AWS clients speak it: keep-alive, pipelining by turns, Expect, aws-chunked bodies."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_AWS_CHUNKED: Final = re.compile(rb"\r\ncontent-encoding: *aws-chunked", re.IGNORECASE)
_REASONS: Final = {200: b"OK", 204: b"No Content", 404: b"Not Found", 412: b"Precondition Failed"}


@dataclass(slots=True)
class Request:
    """One request; `headers` is the raw head, to be searched by `header`."""

    method: bytes
    path: str
    headers: bytes
    body: bytes
    connection: "Connection"

    def header(self, name: str) -> str:
        """A header's value, or empty."""
        found = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", self.headers, re.IGNORECASE)
        return found[1].decode() if found else ""


Handler = Callable[[Request], None]
"""Answers by `request.connection.answer`, now or later."""


class Connection(asyncio.Protocol):
    """One client's connection."""

    transport: asyncio.Transport

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._data = bytearray()
        self._busy = False
        self.closed = False
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.closed = True
        self.writable.set()

    def pause_writing(self) -> None:
        """See asyncio."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """See asyncio."""
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._data += data
        self._next()

    def _next(self) -> None:
        if self._busy:
            return
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._data[: end + 2])
        start = end + 4
        if _EXPECT.search(head) and len(self._data) == start:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if _CHUNKED.search(head):
            stop = self._data.find(b"0\r\n\r\n", start)
            if stop < 0:
                return
            body, after = unchunked(bytes(self._data[start : stop + 5])), stop + 5
        else:
            length = _LENGTH.search(head)
            after = start + (int(length[1]) if length else 0)
            if len(self._data) < after:
                return
            body = bytes(self._data[start:after])
        if _AWS_CHUNKED.search(head):
            body = unchunked(body)
        del self._data[:after]
        method, path, _ = head[: head.index(b"\r\n")].split(b" ", 2)
        self._busy = True
        self._handle(Request(method, path.decode(), head, body, self))

    def answer(
        self,
        status: int,
        body: bytes = b"",
        kind: bytes = b"application/x-amz-json-1.0",
        more: bytes = b"",
    ) -> None:
        """Sends the answer to the request under way; `more`: further header lines."""
        self._busy = False
        if self.closed:
            return
        head = b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
            status,
            _REASONS.get(status, b"Status"),
            kind,
            len(body),
            more,
        )
        self.transport.write(head + body)
        self._next()


def unchunked(body: bytes) -> bytes:
    """The data of a chunked body (HTTP's or AWS's, whose chunks have signatures and a trailer)."""
    parts, at = [], 0
    while True:
        line = body.index(b"\r\n", at)
        size = int(body[at:line].split(b";")[0], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[line + 2 : line + 2 + size])
        at = line + 4 + size
