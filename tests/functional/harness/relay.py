"""A port of [::1] whose bytes go to a port of 127.0.0.1 and back: what stands there, under IPv6 only."""

import socket
import socketserver
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """`url` is `target` (http://127.0.0.1:port/path) under [::1]; use it as a context manager."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.seen = 0
        self._server = _Server((parts.hostname or "", parts.port or 80), self)
        address = f"[::1]:{self._server.server_address[1]}"
        self.url = parts._replace(netloc=address).geturl()

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, target: tuple[str, int], relay: Relay) -> None:
        self.target, self.relay = target, relay
        super().__init__(("::1", 0), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.relay.seen += 1
        with socket.create_connection(self.server.target) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, self.request), daemon=True)
            back.start()
            _copy(self.request, upstream)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Until the source ends or the sink has gone."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                continue
