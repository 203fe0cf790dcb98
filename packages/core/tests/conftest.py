"""A server on loopback that answers as a test says, and both clients before it."""

import socket
import struct
import threading
from dataclasses import dataclass, field

import pytest
from sluice_core.aws import clients
from sluice_core.settings import CommonSettings, load_settings


@dataclass(frozen=True)
class Seen:
    """A request as it came; `headers` by small name."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def action(self):
        return self.headers.get("x-amz-target", self.method).rpartition(".")[2]


@dataclass(frozen=True)
class Answer:
    """A reply: `missing` of the body's bytes do not come; `reset`, `silent`: nothing comes, the connection breaks or ends."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    missing: int = 0
    reset: bool = False
    silent: bool = False
    close: bool = False


class Loopback:
    """`answer` is an Answer, or makes one of a Seen; `requests` are those that came whole."""

    Answer = Answer

    def __init__(self, tls=None):
        self._tls = tls
        self.answer = Answer()
        self.requests = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open = set()
        self._latest = None
        self._change = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self):
        self._listener.close()
        for connection in list(self._open):
            connection.close()

    def ended(self):
        """Comes back when the connection of the latest request is over; another client may keep its own."""
        with self._change:
            assert self._change.wait_for(lambda: self._latest not in self._open, 30)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._change:
                self._open.add(connection)
            with connection, connection.makefile("rb") as stream:
                while self._one(connection, stream):
                    pass
        except OSError:
            pass  # a client that has had enough
        finally:
            with self._change:
                self._open.discard(connection)
                self._change.notify_all()

    def _one(self, connection, stream):
        words = stream.readline().decode("latin-1").split()
        if not words:
            return False
        headers = {}
        while line := stream.readline().strip().decode("latin-1"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        seen = Seen(words[0], words[1], headers, _body(stream, headers))
        self.requests.append(seen)
        self._latest = connection
        answer = self.answer(seen) if callable(self.answer) else self.answer
        if answer.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if answer.silent:
            return False
        lines = [f"HTTP/1.1 {answer.status} Said", f"Content-Length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        body = b"" if seen.method == "HEAD" else answer.body[: len(answer.body) - answer.missing]
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return not (answer.missing or answer.close)


def _body(stream, headers):
    if headers.get("transfer-encoding") != "chunked":
        return stream.read(int(headers.get("content-length", 0)))
    parts = []
    while size := int(stream.readline().split(b";")[0], 16):
        parts.append(stream.read(size))
        stream.readline()
    while stream.readline().strip():
        pass
    return b"".join(parts)


@pytest.fixture(scope="module")
def loopback():
    server = Loopback()
    yield server
    server.close()


@pytest.fixture(scope="module", params=["libcurl", "boto3"])
def either(request):
    """The name of one client, then of the other."""
    return request.param


@pytest.fixture(scope="module")
def connected(loopback):
    """Clients before `loopback`, by the name of what carries the frequent calls."""

    def connect(client):
        environ = {"AWS_ENDPOINT_URL": loopback.url, "SLUICE_AWS_CLIENT": client}
        return clients(load_settings(CommonSettings, environ))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST00000000")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "a/secret+key/0000")
        patch.setenv("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEJ//token==")
        yield connect
