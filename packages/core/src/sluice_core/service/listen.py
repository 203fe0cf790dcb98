"""An HTTP server that listens on IPv4 or IPv6; on `::`, both."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

ANY: Final = "::"
_ANY_IPV4: Final = "0.0.0.0"  # noqa: S104  (a pod must be reachable)


class HttpServer(ThreadingHTTPServer):
    """Serves from daemon threads. `::` is every address of the machine, or every IPv4 one where it has no IPv6.

    Raises OSError when the address is taken or not the machine's.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        if host == ANY and not socket.has_dualstack_ipv6():
            host = _ANY_IPV4
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """An IPv6 socket takes IPv4 connections only when told to, whatever the system's default."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()
