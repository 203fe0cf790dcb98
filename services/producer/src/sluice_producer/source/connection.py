"""One connection to the source: opened, iterated, interrupted; every failure named.

The supervisor decides what a failure means; here it only gets its name.

The stream is asked for plain. What comes in another coding is decoded or refused by its name: read as it comes, it
would give no line that means anything: connected, ready, and no event.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

import requests
import urllib3
from requests_sse import EventSource, InvalidContentTypeError, InvalidStatusCodeError
from sluice_core.secrets import Secrets, without_urls
from urllib3.response import HTTPResponse

from sluice_producer.source.parser import EventParser, SourceEvent
from sluice_producer.source.session import StreamSession

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for one TCP and TLS handshake."""
_EXCERPT: Final = 300
_READ: Final = 65_536
"""Bytes of the stream at most at once; of a refusal's text, so that a secret in the excerpt is known as a whole."""


GATHER: Final = 0.1
"""Seconds that a slow source's events may gather before they are read: to wake for each of 35 a second takes twice the CPU."""
_WAITED: Final = 0.001
"""Seconds of a read from which on it has waited for the source: all that had come before has been read."""
_FEW: Final = 16_384
"""Bytes between two reads that waited. A source that sends more is not slow, but far away."""


@dataclass(frozen=True)
class Resume:
    """Where to begin: what is added to the request, and the id in force before the first event."""

    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    last_event_id: str = ""

    @property
    def asks_for_history(self) -> bool:
        """Whether a source could refuse this as too old."""
        return bool(self.params or self.headers)


class SourceRefused(Exception):  # noqa: N818  (the source's answer, which may be as it should be)
    """The source answered with another status than 200, or with something that is no event stream.

    `status` is HTTP's; `retry_after` in seconds when the source named it; `detail` the beginning of its text.
    """

    def __init__(self, status: int, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"HTTP {status}: {detail}")
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class Broken(Exception):  # noqa: N818  (ditto)
    """The connection could not be made or did not last; `cause` is one of end, idle, network, connect."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause


class Stream(Protocol):
    """An open connection."""

    @property
    def retry(self) -> float | None:
        """Seconds to wait before a reconnect, as the source asked; None when it did not."""
        ...

    @property
    def arrived(self) -> bool:
        """Whether anything has come, were it a comment: then the source is at work."""
        ...

    def __iter__(self) -> Iterator[SourceEvent]:
        """Events until Broken is raised."""
        ...

    def interrupt(self) -> None:
        """Wakes a thread that is blocked in iterating."""
        ...

    def close(self) -> None:
        """Lets go of the connection."""
        ...


@dataclass(frozen=True)
class HttpSource:
    """Opens connections to one URL. Times in seconds, `max_event` in bytes: more of an event is dropped.

    `headers` are sent with each request; they, like the URL's user part and query, are in no error's text. `gather` is
    called where a read had to wait (by `now`) and little had come since the one before that had to: while it lasts more
    may come, which is then read at once.
    """

    url: str
    user_agent: str
    idle_timeout: float
    max_event: int
    on_chunk: Callable[[], None] = lambda: None
    headers: Mapping[str, str] = field(default_factory=dict)
    gather: Callable[[], object] = lambda: None
    now: Callable[[], float] = time.monotonic

    def open(self, resume: Resume, now: float) -> Stream:
        """Connects; `now` (epoch seconds) reads a Retry-After that is a date. Raises SourceRefused and Broken."""
        hide = Secrets.of(self.url, self.headers).hide
        session = StreamSession(self.headers)
        # Bytes: an id may hold any character, and requests would encode text as Latin-1.
        headers: dict[str, Any] = {
            name: value.encode() for name, value in (*self.headers.items(), *resume.headers.items())
        }
        headers |= {"User-Agent": self.user_agent, "Accept-Encoding": "identity"}
        source = EventSource(
            self.url,
            max_connect_retry=0,
            session=session,
            headers=headers,
            params=dict(resume.params),
            timeout=(CONNECT_TIMEOUT, self.idle_timeout),  # type: ignore[arg-type]  # requests takes a pair
            auth=_as_given if "authorization" in map(str.lower, self.headers) else None,
        )
        try:
            source.connect()
        except InvalidStatusCodeError as error:
            refusal = _refusal(error.status_code, error.response, now, hide)
            session.close()
            raise refusal from error
        except InvalidContentTypeError as error:
            session.close()
            raise SourceRefused(200, hide(f"no event stream but {error.content_type}")) from error
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
        ) as error:
            session.close()
            raise Broken("connect", _text(error, hide)) from error
        parser = EventParser(max_data=self.max_event, last_event_id=resume.last_event_id)
        stream = _HttpStream(self, source, session, parser, hide)
        coding = undecodable(stream.coding)
        if coding:
            stream.close()
            raise SourceRefused(
                200,
                f"Content-Encoding {coding!r}, which nothing here decodes (asked for: identity)",
            )
        return stream


class _HttpStream:
    def __init__(
        self,
        of: HttpSource,
        source: EventSource,
        session: StreamSession,
        parser: EventParser,
        hide: Callable[[str], str],
    ) -> None:
        self._of = of
        self._source = source
        self._session = session
        self._parser = parser
        self._hide = hide
        self.arrived = False

    @property
    def retry(self) -> float | None:
        return self._parser.retry

    @property
    def coding(self) -> str | None:
        response = self._session.response
        return None if response is None else response.headers.get("Content-Encoding")

    def __iter__(self) -> Iterator[SourceEvent]:
        try:
            yield from self._events()
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Broken("idle", "no byte within the idle time-out") from error
        except (urllib3.exceptions.HTTPError, requests.RequestException, OSError) as error:
            raise Broken("network", _text(error, self._hide)) from error
        raise Broken("end", "the source ended the stream")

    def _events(self) -> Iterator[SourceEvent]:
        response = self._session.response
        if response is None:
            return
        read, feed, compressed = response.raw.read1, self._parser.feed, self.coding is not None
        on_chunk, gather, now = self._of.on_chunk, self._of.gather, self._of.now
        asked, size = now(), 0
        while chunk := read(_READ, decode_content=compressed):
            waited = now() - asked >= _WAITED
            self.arrived = True
            on_chunk()
            yield from feed(chunk)
            size += len(chunk)
            if waited:
                if size < _FEW:
                    gather()
                size = 0
            asked = now()

    def interrupt(self) -> None:
        self._session.interrupt()

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._source.close()
        self._session.close()


def _refusal(
    status: int, response: requests.Response | None, now: float, hide: Callable[[str], str]
) -> SourceRefused:
    detail, after = "", None
    if response is not None:
        after = retry_after(response.headers.get("Retry-After"), now)
        with contextlib.suppress(OSError, ValueError, urllib3.exceptions.HTTPError):
            detail = response.raw.read1(_READ, decode_content=True).decode("utf-8", "replace")
        with contextlib.suppress(OSError):
            response.close()
    return SourceRefused(status, hide(" ".join(detail.split()))[:_EXCERPT], after)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds from a Retry-After header: a number, or an HTTP date (RFC 9110 section 10.2.3); None if neither."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _text(error: BaseException, hide: Callable[[str], str]) -> str:
    """What a library says; hidden before it is cut, or half a secret would be left."""
    return hide(without_urls(f"{type(error).__name__}: {error}"))[:_EXCERPT]


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """For requests: the Authorization header stands, whatever a .netrc says of the host."""
    return request


_KNOWN: Final = frozenset(HTTPResponse.CONTENT_DECODERS)
"""What urllib3 decodes here: gzip and deflate always, others where their library is installed."""


def undecodable(header: str | None) -> str | None:
    """The coding in a Content-Encoding header that cannot be decoded, None when all can (RFC 9110 section 8.4).

    Several codings on top of one another are refused, too: urllib3 takes an `identity` among them for deflate.
    """
    codings = [name for part in (header or "").lower().split(",") if (name := part.strip())]
    if set(codings) <= {"identity"} or (len(codings) == 1 and codings[0] in _KNOWN):
        return None
    return ", ".join(codings)[:100]
