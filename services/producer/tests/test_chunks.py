"""HTTP's chunked coding, read as it comes: the same data as http.client gives, in fewer calls."""

import io
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.testing import Answer, SseServer
from sluice_producer.source import session
from sluice_producer.source.chunks import EagerResponse
from sluice_producer.testing import frame

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Socket(io.RawIOBase):
    """What arrives, a piece a read; `reads` counts them."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.reads = 0

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.reads += 1
        if not self._pieces:
            return 0
        part, rest = self._pieces[0][: len(buffer)], self._pieces[0][len(buffer) :]
        self._pieces[:1] = [rest] if rest else []
        buffer[: len(part)] = part
        return len(part)


def read(kind: type[HTTPResponse], pieces: Sequence[bytes]) -> tuple[list[bytes], bool]:
    """What each read gives, and whether the body came to its end."""
    response = kind(Socket([HEAD, *pieces]))  # type: ignore[arg-type]
    response.begin()
    given = []
    try:
        while data := response.read1(65_536):
            given.append(data)
    except HTTPException:
        return given, False
    return given, True


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


_CHUNKS = st.builds(
    chunk,
    st.binary(min_size=1, max_size=40) | st.sampled_from([b"\r\n", b"0\r\n\r\n", b"5\r\n"]),
    st.sampled_from([b"", b";x=1", b" ", b";"]),
)
_ENDS = st.sampled_from(
    [b"0\r\n\r\n", b"000;x\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"", b"5\r\nab", b"3"]
)
_BROKEN = st.sampled_from([b"x\r\nabc\r\n", b"-3\r\nabc\r\n", b"\r\n", b"zz;1\r\n"])


@given(st.lists(_CHUNKS, max_size=8), _ENDS | _BROKEN, st.data())
def test_any_cuts_give_what_http_client_gives(
    chunks: list[bytes], end: bytes, data: st.DataObject
) -> None:
    body = b"".join([*chunks, end])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    given_, whole = read(EagerResponse, pieces)
    # http.client takes a negative size for one; it means nothing.
    if end == b"-3\r\nabc\r\n":
        assert not whole
        return
    expected, expected_whole = read(HTTPResponse, [body])
    assert (b"".join(given_), whole) == (b"".join(expected), expected_whole)


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"nonsense\r\n"])
def test_all_that_has_come_is_one_read(end: bytes) -> None:
    """Also what came before something that is no chunk."""
    body = b"".join(chunk(frame(str(n))) for n in range(100)) + end
    given_, whole = read(EagerResponse, [body])
    assert given_ == [b"".join(frame(str(n)) for n in range(100))]
    assert whole == end.startswith(b"0")


def test_a_size_without_an_end_is_given_up() -> None:
    pieces = [b"1" * 40_000] * 3
    socket = Socket([HEAD, *pieces])
    response = EagerResponse(socket)  # type: ignore[arg-type]
    response.begin()
    with pytest.raises(HTTPException):
        response.read1(65_536)
    assert socket.reads <= 4


def test_a_body_that_is_not_chunked_is_http_client_s() -> None:
    response = EagerResponse(
        Socket([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"abc", b"de"])
    )  # type: ignore[arg-type]
    response.begin()
    assert [response.read1(100) for _ in range(3)] == [b"abc", b"de", b""]


def test_the_source_s_session_reads_so_directly_and_through_a_proxy() -> None:
    """The connection, and the one through an HTTP proxy, give many chunks at a read."""
    many = [frame(str(n)) for n in range(200)]
    with SseServer(lambda _r: Answer(many)) as server:
        for proxies in ({}, {"http": server.url.removesuffix("/stream")}):
            own = session.StreamSession()
            own.trust_env = False
            answer = own.get(server.url, stream=True, proxies=proxies)
            assert isinstance(answer.raw._fp, EagerResponse)
            own.close()
