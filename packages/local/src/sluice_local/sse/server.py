"""The HTTP side: one thread a connection, frames in chunks, faults where they are due."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from sluice_core.service.listen import HttpServer

from sluice_local.sse.frames import DIALECTS, Dialect, Frames
from sluice_local.sse.log import EventLog
from sluice_local.sse.position import BadPositionError
from sluice_local.sse.sender import Feed, ServerOptions

STREAM_PATH: Final = "/v2/stream/recentchange"


class SseServer:
    """Serves an EventLog at `url` until `close`; usable as a context manager."""

    def __init__(
        self, log: EventLog, options: ServerOptions, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.log = log
        self.options = options
        self.stopping = threading.Event()
        self._http = _Http(host, port, _Handler)
        self._http.owner = self
        self.host = host
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The stream's address, for a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared only
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}{STREAM_PATH}"

    def close(self) -> None:
        """Ends every connection and stops listening."""
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Http(HttpServer):
    block_on_close = False
    owner: SseServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is this server's daily life."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http
    connection: socket.socket

    def do_GET(self) -> None:
        """Routes the request."""
        path = urlsplit(self.path).path
        if path in ("/healthz", "/"):
            self._health()
        elif path.startswith("/v2/stream/"):
            self._stream()
        else:
            self._answer(404, {"status": 404, "detail": f"try {STREAM_PATH}"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are not logged: query strings and ids would fill the terminal."""

    def _health(self) -> None:
        log = self.server.owner.log
        self._answer(
            200, {"status": "ok", "sent": log.sent, "count": log.count, "finished": log.finished}
        )

    def _stream(self) -> None:
        owner = self.server.owner
        if refusal := owner.options.faults.refusal():
            after = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
            self._answer(refusal.status, {"status": refusal.status}, after)
            return
        dialect = DIALECTS[owner.options.dialect]
        log = owner.log
        stream = log.open()
        since = parse_qs(urlsplit(self.path).query).get("since", [None])[0]
        try:
            frames = dialect.open(
                stream, self.headers.get("Last-Event-ID"), since, log.live, log.count
            )
            self._check_age(frames, log.newest_ms() - owner.options.retention * 1000)
        except BadPositionError as error:
            self._answer(400, {"status": 400, "title": "Bad Request", "detail": str(error)})
            return
        if owner.options.at_end == "stop" and log.finished and frames.first >= (log.count or 0):
            self._answer(204, None)
            return
        self._send_events(owner, dialect, frames)

    def _check_age(self, frames: Frames, oldest_ms: float) -> None:
        asked = frames.oldest_asked
        if asked is not None and asked < oldest_ms:
            raise BadPositionError(f"{asked} is older than what is kept (since {int(oldest_ms)})")

    def _send_events(self, owner: SseServer, dialect: Dialect, frames: Frames) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunk(b":ok\n\n")
        if Feed(self.connection, self._chunk, owner.log, owner.options, owner.stopping).run(
            dialect, frames
        ):
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        self.connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode() + b"\n"
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
