"""An HTTP server on loopback whose answers are scripts: it serves what it is told, byte for byte and chunk for
chunk, and remembers what it was asked. Public: use it in your tests.
"""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked: number from 0, query, headers (names in lower case), and what it sent along."""

    number: int
    query: Mapping[str, str]
    headers: Mapping[str, str]
    method: str = "GET"
    path: str = ""
    body: bytes = b""


@dataclass
class Answer:
    """One response. `chunks` may block and may use `until`, which is set when the server closes.

    `hang`: afterwards stay silent until the server closes, instead of ending the response.
    `cut`: end without HTTP's end mark, as a broken connection does.
    """

    chunks: Iterable[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = "text/event-stream; charset=utf-8"
    hang: bool = False
    cut: bool = False


class SseServer:
    """Answers each request with `script(request)`; a context manager. `url` leads to it, over TLS if told."""

    def __init__(
        self, script: Callable[[Request], Answer], tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.script = script
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = (
            f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}/stream"
        )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all responses and stops listening."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: SseServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        owner = self.server.owner
        parts = urlsplit(self.path)
        request = Request(
            len(owner.requests),
            dict(parse_qsl(parts.query)),
            {k.lower(): v for k, v in self.headers.items()},
            self.command,
            parts.path,
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        owner.requests.append(request)
        answer = owner.script(request)
        self.close_connection = True
        self.send_response(answer.status)
        # Told, or a client that is redirected may ask again on this connection while it closes.
        self.send_header("Connection", "close")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status == 204:
            self.end_headers()
            return
        if answer.content_type is not None:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has gone
            self._body(answer, owner.closing)

    do_POST = do_PUT = do_GET  # noqa: N815  (the standard library's names)

    def _body(self, answer: Answer, closing: threading.Event) -> None:
        self.wfile.flush()
        for chunk in answer.chunks:
            if closing.is_set():
                return
            if chunk:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if answer.hang:
            closing.wait()
        if not answer.cut:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
        """Silence."""
