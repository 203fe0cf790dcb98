"""A source for tests: an HTTP server on loopback whose answers are scripts. Public: use it in your tests.

It serves what it is told, byte for byte and chunk for chunk, and remembers what it was asked.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked: number from 0, query, headers (names in lower case)."""

    number: int
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass
class Answer:
    """One response. `chunks` may block and may use `until`, which is set when the server closes.

    `hang`: afterwards stay silent until the server closes, instead of ending the response.
    `cut`: end without HTTP's end mark, as a broken connection does.
    """

    chunks: Iterable[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream; charset=utf-8"
    hang: bool = False
    cut: bool = False


class SseServer:
    """Answers each request with `script(request)`; a context manager. `url` leads to it."""

    def __init__(self, script: Callable[[Request], Answer]) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._script = script
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/stream"
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

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802  (http.server's name)
                query = dict(parse_qsl(urlsplit(self.path).query))
                headers = {k.lower(): v for k, v in self.headers.items()}
                request = Request(len(outer.requests), query, headers)
                outer.requests.append(request)
                answer = outer._script(request)  # noqa: SLF001  (its own server)
                self.send_response(answer.status)
                if answer.status != 204:
                    self.send_header("Content-Type", answer.content_type)
                    self.send_header("Transfer-Encoding", "chunked")
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if answer.status != 204:
                    self._body(answer)
                self.close_connection = True

            def _body(self, answer: Answer) -> None:
                try:
                    self.wfile.flush()
                    for chunk in answer.chunks:
                        if outer.closing.is_set():
                            return
                        if chunk:
                            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                    if answer.hang:
                        outer.closing.wait()
                    if not answer.cut:
                        self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    pass  # the client has gone

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
                """Silence."""

        return Handler


def wikimedia_id(
    timestamp: int,
    topic: str = "eqiad.mediawiki.recentchange",
    other: str = "codfw.mediawiki.recentchange",
) -> str:
    """An SSE id as EventStreams sends it for an event with Kafka timestamp `timestamp` (milliseconds)."""
    return (
        f'[{{"topic":"{topic}","partition":0,"timestamp":{timestamp + 1}}},'
        f'{{"topic":"{other}","partition":0,"offset":-1}}]'
    )


def frame(data: str, *, sse_id: str | None = None, event: str | None = "message") -> bytes:
    """One event in SSE's framing; `data` without newlines."""
    lines = [f"event: {event}"] if event else []
    if sse_id is not None:
        lines.append(f"id: {sse_id}")
    return ("\n".join([*lines, f"data: {data}"]) + "\n\n").encode()
