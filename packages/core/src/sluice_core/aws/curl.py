"""HTTP through libcurl, which signs by itself (AWS Signature Version 4): one request, one reply.

A request costs 50 to 300 µs of CPU here and 700 to 1,800 in botocore. It is sent once, as everywhere in Sluice:
libcurl would quietly send it again when a connection that it reuses breaks, and of a SendMessageBatch whose
reply was lost that makes duplicates that nobody knows of. It cannot do so without the body's beginning, so the
body is handed over as a stream that does not rewind.
"""

import select
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, cast

import pycurl
from botocore.awsrequest import HeadersDict
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import HTTPClientError

VERSION: Final[str] = pycurl.version_info()[1]
"""libcurl's."""

OLDEST: Final = "8.16"
"""The oldest libcurl to be trusted with signatures and the limit of a reply; pycurl's wheels hold a later one."""

CONNECT_SECONDS: Final = 10
"""For name, connection and TLS together."""

SILENCE_SECONDS: Final = 30
"""Without a byte in either direction a request is given up: longer than SQS's longest poll (20 s)."""

MAX_REPLY_BYTES: Final = 64 * 2**20
"""Ten messages of 1 MiB, each character of which may take six bytes in JSON: more is no answer of SQS or S3."""

_BUFFER: Final = 256 * 2**10
_IDLE: Final = 64


def usable() -> bool:
    """Whether this libcurl can sign, and does so as AWS expects."""
    oldest = [int(part) for part in OLDEST.split(".")]
    return hasattr(pycurl, "AWS_SIGV4") and [int(p) for p in VERSION.split(".")[:2]] >= oldest


class CurlError(HTTPClientError):
    """No reply came, or not a whole one; libcurl's own words."""

    fmt = "{error}"


@dataclass(frozen=True, slots=True)
class Request:
    """What to send: `headers` as `Name: value`, the body's hash among them; `signing` as in `Place`."""

    method: str
    url: str
    headers: Sequence[str]
    body: bytes
    agent: str
    signing: str
    keys: ReadOnlyCredentials


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers as they came, body."""

    status: int
    head: bytes
    body: bytes

    def headers(self) -> HeadersDict:
        """By name, in any case; of one that came several times the last."""
        lines = self.head.decode("latin-1").rstrip().rpartition("\r\n\r\n")[2].split("\r\n")[1:]
        named = (line.partition(":") for line in lines)
        return HeadersDict({name.strip(): value.strip() for name, _, value in named})


class Http:
    """Requests to one service, from any thread; connections are kept and reused.

    `ca`: the file of certificates to trust. `proxy`: its URL, "" for none. The environment decides nothing here.
    """

    def __init__(self, *, ca: str | None = None, proxy: str = "") -> None:
        self._ca = ca
        self._proxy = proxy
        self._idle: deque[_Handle] = deque(maxlen=_IDLE)

    def send(self, request: Request) -> Reply:
        """Its reply. Raises CurlError, and ValueError when that is too large."""
        if threading.current_thread() is not threading.main_thread():
            return self._send(request)
        # Python's signal handlers run in the main thread, which must not sit in C for a long poll.
        result: Future[Reply] = Future()

        def aside() -> None:
            try:
                result.set_result(self._send(request))
            except Exception as error:  # noqa: BLE001 (raised again in the caller's thread)
                result.set_exception(error)

        threading.Thread(target=aside, name="request", daemon=True).start()
        return result.result()

    def _send(self, request: Request) -> Reply:
        try:
            handle = self._idle.pop()
        except IndexError:
            handle = _Handle(self._ca, self._proxy)
        reply = handle.perform(request)
        self._idle.append(handle)
        return reply


class _Handle:
    """A handle of libcurl and its connection; used by one thread at a time."""

    def __init__(self, ca: str | None, proxy: str) -> None:
        self._body = b""
        self._at = 0
        self._head: list[bytes] = []
        self._parts: list[bytes] = []
        self._curl = pycurl.Curl()
        options: dict[int, Any] = {
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.NOSIGNAL: 1,
            pycurl.CONNECTTIMEOUT: CONNECT_SECONDS,
            pycurl.LOW_SPEED_LIMIT: 1,
            pycurl.LOW_SPEED_TIME: SILENCE_SECONDS,
            pycurl.TCP_KEEPALIVE: 1,
            pycurl.MAXFILESIZE_LARGE: MAX_REPLY_BYTES,
            pycurl.BUFFERSIZE: _BUFFER,
            pycurl.UPLOAD_BUFFERSIZE: _BUFFER,
            pycurl.PROXY: proxy,
            pycurl.NOPROXY: "",
            pycurl.UPLOAD: 1,
            pycurl.READFUNCTION: self._read,
            pycurl.WRITEFUNCTION: self._parts.append,
            pycurl.HEADERFUNCTION: self._head.append,
        }
        if ca is not None:
            options |= {pycurl.CAINFO: ca, pycurl.PROXY_CAINFO: ca}
        for option, value in options.items():
            self._curl.setopt(option, value)

    def perform(self, request: Request) -> Reply:
        curl, keys = self._curl, request.keys
        self._body, self._at = request.body, 0
        curl.setopt(pycurl.FRESH_CONNECT, self._ended())
        curl.setopt(pycurl.URL, request.url)
        curl.setopt(pycurl.CUSTOMREQUEST, request.method)
        curl.setopt(pycurl.USERAGENT, request.agent)
        curl.setopt(pycurl.INFILESIZE_LARGE, len(request.body))
        curl.setopt(pycurl.AWS_SIGV4, request.signing)
        curl.setopt(pycurl.USERNAME, keys.access_key)
        curl.setopt(pycurl.PASSWORD, keys.secret_key)
        headers = [*request.headers, "Expect:"]
        if keys.token is not None:
            headers.append(f"X-Amz-Security-Token: {keys.token}")
        curl.setopt(pycurl.HTTPHEADER, headers)
        try:
            curl.perform()
            status = int(curl.getinfo(pycurl.RESPONSE_CODE))
            return Reply(status, b"".join(self._head), b"".join(self._parts))
        except pycurl.error as error:
            number, words = cast("tuple[int, str]", error.args)
            if number == pycurl.E_FILESIZE_EXCEEDED:
                raise ValueError(f"more than {MAX_REPLY_BYTES} bytes") from error
            raise CurlError(error=f"{words} (libcurl {number})") from error
        finally:
            # The handle stays, for its connection; what it has carried does not.
            self._body = b""
            self._head.clear()
            self._parts.clear()

    def _ended(self) -> bool:
        """Whether the idle connection has something to say, which can only be its end; libcurl looks seldom."""
        number = self._curl.getinfo(pycurl.ACTIVESOCKET)
        if number < 0:
            return False
        look = select.poll()
        look.register(number, select.POLLIN)
        return bool(look.poll(0))

    def _read(self, size: int) -> bytes:
        part = self._body[self._at : self._at + size]
        self._at += len(part)
        return part
