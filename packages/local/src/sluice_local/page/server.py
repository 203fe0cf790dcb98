"""The page over HTTP, on loopback: a handful of files, the state, and the state as it changes.

A browser lets any web site send requests to 127.0.0.1. So a request must name this machine as its host (a name that
was rebound to 127.0.0.1 does not) and come from no other site; nothing but GET is answered, and no request makes
work: files and state are there as bytes.
"""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

MAX_STREAMS: Final = 16
"""Open pages at a time: each holds a thread."""

_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/draw.js": ("draw.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OTHERS: Final = b"this page is no other site's\n"
_FOREIGN: Final = frozenset({"cross-site", "same-site"})
"""Any origin but this one: same-site is another port of this machine."""

_BREATH: Final = 10.0
"""Seconds without a change until a stream sends a comment, which finds out that nobody reads any more."""


class Board:
    """The newest state, encoded once however many read it. All methods are thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._body = b"{}"
        self._version = 0
        self._last = False

    def write(self, state: Mapping[str, Any], *, last: bool = False) -> None:
        """Replaces the state; after the `last` one nothing is taken any more."""
        body = json.dumps(state, separators=(",", ":"), allow_nan=False).encode()
        with self._changed:
            if not self._last:
                self._body, self._last = body, last
                self._version += 1
                self._changed.notify_all()

    def read(self) -> bytes:
        """The state as JSON."""
        return self._body

    def after(self, version: int, seconds: float) -> tuple[int, bytes, bool]:
        """Version, JSON, and whether it is the last one: as soon as it is newer than `version`, or after `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._last, seconds)
            return self._version, self._body, self._last


class PageServer:
    """Serves `board` on loopback until `close`. Raises OSError when `port` (0: a free one) is taken."""

    def __init__(self, board: Board, port: int = 0) -> None:
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.board = board
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.1,), name="page", daemon=True
        )
        self._thread.start()

    def close(self, seconds: float = 2.0) -> None:
        """Waits until open pages have the board's last state, `seconds` at most, and stops listening."""
        end = time.monotonic() + seconds
        with self._http.left:
            self._http.left.wait_for(lambda: not self._http.streams, end - time.monotonic())
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    board: Board

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        static = files("sluice_local.page") / "static"
        self.files = {
            path: ((static / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()
        }
        self.left = threading.Condition()
        self.streams = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    """One request a connection (HTTP/1.0): there is no idle connection to keep."""

    server: _Http
    timeout = 10

    def parse_request(self) -> bool:
        """Refuses what is no business of this page before anything else looks at it."""
        if not super().parse_request():
            return False
        refusal = self._refusal()
        if refusal is not None:
            self._answer(*refusal)
        return refusal is None

    def do_GET(self) -> None:
        """The one method."""
        path = self.path.partition("?")[0]
        if path in self.server.files:
            body, kind = self.server.files[path]
            self._answer(200, body, kind)
        elif path == "/api/state":
            self._answer(200, self.server.board.read(), "application/json")
        elif path == "/api/events":
            self._stream()
        else:
            self._answer(404, b"see /, /api/state, /api/events\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are not told: the terminal is the run's."""

    def version_string(self) -> str:
        """Not Python's version."""
        return "sluice"

    def _refusal(self) -> tuple[int, bytes] | None:
        if self.command != "GET":
            return 405, b"only GET\n"
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or _name(f"//{hosts[0]}") not in _HERE:
            return 421, b"this page is at 127.0.0.1 and localhost only\n"
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{hosts[0]}":
            return 403, _OTHERS
        if self._is_embedded():
            return 403, _OTHERS
        return None

    def _is_embedded(self) -> bool:
        """Whether another site's page takes this in, as an image, a script, or by a fetch whose answer it cannot read.

        Such a request has no Origin, but browsers say whose it is (W3C's Fetch Metadata). Whoever follows a link comes
        from another site, too, and is welcome.
        """
        site = self.headers.get("Sec-Fetch-Site")
        return site in _FOREIGN and self.headers.get("Sec-Fetch-Mode") != "navigate"

    def _stream(self) -> None:
        server = self.server
        with server.left:
            if server.streams >= MAX_STREAMS:
                self._answer(503, b"too many open pages\n")
                return
            server.streams += 1
        try:
            self._head(200, "text/event-stream")
            version, last = 0, False
            while not last:
                seen = version
                version, body, last = server.board.after(seen, _BREATH)
                # JSON has no line break outside of its strings, and none inside.
                self.wfile.write(b":\n\n" if version == seen else b"data: %s\n\n" % body)
        finally:
            with server.left:
                server.streams -= 1
                server.left.notify_all()

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self._head(status, kind, len(body))
        self.wfile.write(body)

    def _head(self, status: int, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        if status == 405:
            self.send_header("Allow", "GET")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
