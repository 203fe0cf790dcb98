"""A requests session whose responses give lines by our own splitter and can be interrupted.

requests-sse reads `response.iter_lines()` of whatever session it is handed; this is the place to stand
between it and requests' own line splitting.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from sluice_producer.source.lines import LineSplitter

_CHUNK: Final = 65_536


class StreamEnded(Exception):  # noqa: N818  (not an error: a stream may end)
    """The source ended the response as HTTP ends one."""


class LineResponse(requests.Response):
    """A response that is read as it arrives, in lines.

    `current` is the line that was given out last, `arrived` whether any byte of the body has come.
    """

    def __init__(self, max_line: int, on_chunk: Callable[[], None]) -> None:
        super().__init__()
        self._splitter = LineSplitter(max_line)
        self._on_chunk = on_chunk
        self._again: bytes | None = None
        self.current = b""
        self.arrived = False

    def __bool__(self) -> bool:
        """True: requests-sse asks for each event, and requests would judge the status each time."""
        return True

    @property
    def dropped(self) -> int:
        """Bytes dropped so far from lines over the limit."""
        return self._splitter.dropped

    def iter_lines(self, *_args: Any, **_options: Any) -> Iterator[bytes]:
        """Lines until the stream ends; raises StreamEnded then, so that requests-sse does not reconnect."""
        read, feed = self.raw.read1, self._splitter.feed
        compressed = "Content-Encoding" in self.headers
        while chunk := read(_CHUNK, decode_content=compressed):
            self.arrived = True
            self._on_chunk()
            for line in feed(chunk):
                self.current = line
                yield line
                if self._again is not None:
                    self.current, self._again = self._again, None
                    yield self.current
        raise StreamEnded

    def repair(self) -> None:
        """Gives the current line out once more, with U+FFFD in place of bytes that are not UTF-8."""
        self._again = self.current.decode("utf-8", "replace").encode()

    def interrupt(self) -> None:
        """Wakes a thread that is blocked in reading this response; safe from any thread, any number of times."""
        # Already closed or given back: nobody is blocked in it.
        with contextlib.suppress(ValueError, RuntimeError, OSError, AttributeError):
            self.raw.shutdown()


class LineSession(requests.Session):
    """A session for one connection; `max_line` in bytes, `on_chunk` is called for each piece that arrives.

    `secret`: names of headers that a redirect to another host, port or scheme must not take along. requests
    itself holds back `Authorization` alone.
    """

    def __init__(
        self, max_line: int, on_chunk: Callable[[], None], secret: Collection[str] = ()
    ) -> None:
        super().__init__()
        self._secret = secret
        adapter = _LineAdapter(max_line, on_chunk)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """See `requests.Session`: called for each redirect."""
        old, new = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]  # requests has no types
            for name in self._secret:
                prepared_request.headers.pop(name, None)
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]  # ditto


class _LineAdapter(HTTPAdapter):
    def __init__(self, max_line: int, on_chunk: Callable[[], None]) -> None:
        super().__init__()
        self._max_line = max_line
        self._on_chunk = on_chunk

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> LineResponse:
        plain = super().build_response(req, resp)
        response = LineResponse(self._max_line, self._on_chunk)
        vars(response).update(vars(plain))
        return response
