"""A proxy on loopback before SQS and S3 that fails on demand.

One endpoint serves both services, as LocalStack does, so the proxy tells them apart by the request.
A fault meets requests of one service, one operation or one path, a number of times or until lifted.
"""

import enum
import html
import http.client
import json
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Fault(enum.Enum):
    """What happens to a request."""

    REFUSE = "refuse"
    """The connection is reset before the server sees anything."""
    UNAVAILABLE = "503"
    """503, and the server sees nothing."""
    HANG = "hang"
    """No answer until the fault is lifted or the client gives up; the server sees nothing."""
    DENY = "403"
    """The answer that AWS gives to credentials that it does not know."""
    LOSE_REPLY = "lose reply"
    """The server does it all; its reply is lost and the connection reset."""


@dataclass
class Rule:
    """A fault and whom it meets. `operation` is SQS's action or S3's (PutObject, GetObject …)."""

    fault: Fault
    service: str | None = None
    operation: str | None = None
    path: str = ""
    times: int | None = None
    hits: int = 0
    lifted: threading.Event = field(default_factory=threading.Event)

    def lift(self) -> None:
        """Ends it."""
        self.lifted.set()

    def meets(self, service: str, operation: str, path: str) -> bool:
        """Whether the rule applies to the request; the caller counts it."""
        return (
            not self.lifted.is_set()
            and (self.times is None or self.hits < self.times)
            and self.service in (None, service)
            and self.operation in (None, operation)
            and self.path in path
        )


class FaultProxy:
    """Forwards to `target` (http://host:port). `requests` counts what was asked, by (service, operation).

    `asked` holds the same with what it was asked of: (service, operation, resource), see `resources`.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        self.address = (parts.hostname, parts.port or 80)
        self.requests: dict[tuple[str, str], int] = {}
        self.asked: set[tuple[str, str, str]] = set()
        self.rules: list[Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """The address for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def inject(
        self,
        fault: Fault,
        *,
        service: str | None = None,
        operation: str | None = None,
        path: str = "",
        times: int | None = None,
    ) -> Rule:
        """A new fault, at once; `service` is "sqs" or "s3", `path` a part of the request's path."""
        rule = Rule(fault, service, operation, path, times)
        with self._lock:
            self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """Lifts all faults."""
        for rule in self.rules:
            rule.lift()

    def close(self) -> None:
        """Stops; connections that hang are reset."""
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def fault_for(self, service: str, operation: str, path: str) -> Rule | None:
        """The first rule that meets the request, which is counted."""
        with self._lock:
            key = (service, operation)
            self.requests[key] = self.requests.get(key, 0) + 1
            for rule in self.rules:
                if rule.meets(service, operation, path):
                    rule.hits += 1
                    return rule
        return None


def classify(method: str, path: str, headers: Any) -> tuple[str, str]:
    """Service and operation of a request."""
    target = headers.get("X-Amz-Target", "")
    for service, prefix in (("sqs", "AmazonSQS."), ("glue", "AWSGlue.")):
        if target.startswith(prefix):
            return service, target.removeprefix(prefix)
    bare, _, query = path.partition("?")
    bucket, _, key = bare.strip("/").partition("/")
    if not key:
        return "s3", {"GET": "ListObjectsV2" if "list-type" in query else "ListBuckets"}.get(
            method, f"{method.capitalize()}Bucket" if bucket else method
        )
    return "s3", f"{method.capitalize()}Object"


def resources(service: str, path: str, body: bytes) -> list[str]:
    """What a request is about: a queue's name; `bucket` or `bucket/key`, of a deletion of many each key; "" for Glue."""
    if service == "sqs":
        told = json.loads(body)
        return [str(told.get("QueueUrl") or told["QueueName"]).rpartition("/")[2]]
    if service != "s3":
        return [""]
    bare, _, query = path.partition("?")
    place = unquote(bare.strip("/"))
    if query.startswith("delete"):
        keys = re.findall(r"<Key>(.*?)</Key>", body.decode())
        return [f"{place}/{html.unescape(key)}" for key in keys]
    return [place]


_DENIALS = {
    "sqs": (
        [("Content-Type", "application/x-amz-json-1.0")],
        b'{"__type":"com.amazon.coral.service#InvalidClientTokenId","message":"not valid"}',
    ),
    "s3": (
        [("Content-Type", "application/xml")],
        b"<Error><Code>InvalidAccessKeyId</Code><Message>not in our records</Message></Error>",
    ),
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in the middle is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    upstream: http.client.HTTPConnection | None = None

    def do_any(self) -> None:
        body = self._body()
        service, operation = classify(self.command, self.path, self.headers)
        for resource in resources(service, self.path, body):
            self.server.proxy.asked.add((service, operation, resource))
        rule = self.server.proxy.fault_for(service, operation, self.path)
        fault = rule.fault if rule else None
        if fault is Fault.HANG:
            assert rule is not None
            self._hang(rule)
        if fault in (Fault.HANG, Fault.REFUSE):
            self._reset()
        elif fault is Fault.UNAVAILABLE:
            self._answer(503, [("Retry-After", "0")], b"")
        elif fault is Fault.DENY:
            self._answer(403, *_DENIALS[service])
        else:
            self._pass_on(body, lose_reply=fault is Fault.LOSE_REPLY)

    def _pass_on(self, body: bytes, *, lose_reply: bool) -> None:
        try:
            status, headers, reply = self._forward(body)
        except (OSError, http.client.HTTPException):
            return self._reset()
        return self._reset() if lose_reply else self._answer(status, headers, reply)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_any  # noqa: N815 (their names there)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        # A connection of its own for each request: a reused one may be dead after LocalStack's restart,
        # and trying a POST again here would send messages twice on the test's own account.
        host, port = self.server.proxy.address
        upstream = http.client.HTTPConnection(host, port, timeout=60)
        try:
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower()
                not in ("connection", "expect", "transfer-encoding", "content-length")
            }
            if body or self.command in ("PUT", "POST"):
                headers["Content-Length"] = str(len(body))
            upstream.request(self.command, self.path, body, headers)
            reply = upstream.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            upstream.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length":
                length = value if self.command == "HEAD" else length
            elif name.lower() not in ("connection", "transfer-encoding", "keep-alive"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _hang(self, rule: Rule) -> None:
        self.connection.settimeout(0.1)
        while not rule.lifted.is_set():
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    return
                rule.lifted.wait(0.1)
            except TimeoutError:
                continue
            except OSError:
                return

    def _reset(self) -> None:
        """Ends the connection with RST, so that the client sees a broken one at once."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Silent."""
