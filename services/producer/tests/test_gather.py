"""A slow source's events are let gather, and read at once; a fast one, or one that is far away, is not held up."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.testing.server import Answer, SseServer
from sluice_producer.source.connection import Broken, HttpSource, Resume, _HttpStream
from sluice_producer.source.parser import EventParser
from sluice_producer.testing import frame

GROUPS = [["1"], ["2", "3", "4"], ["5"]]


def reads_of(url: str, gather: Callable[[], object], now: Callable[[], float]) -> list[list[str]]:
    """The events' data by the read that brought them."""
    reads: list[list[str]] = []
    source = HttpSource(
        url, "test", 10.0, 1 << 20, on_chunk=lambda: reads.append([]), gather=gather, now=now
    )
    stream = source.open(Resume(), 0)
    try:
        for event in stream:
            reads[-1].append(event.data)
    except Broken as broken:
        assert broken.cause == "end"  # noqa: PT017  (what came before it is kept)
    stream.close()
    return reads


def test_what_comes_while_a_slow_source_is_let_gather_is_read_at_once() -> None:
    ask, sent = threading.Semaphore(1), threading.Semaphore(0)

    def body() -> Iterator[bytes]:
        for group in GROUPS:
            assert ask.acquire(timeout=20)
            for data in group:
                yield frame(data)
            sent.release()
        sent.release()

    def gather() -> None:
        assert sent.acquire(timeout=20)  # what has been read
        ask.release()
        assert sent.acquire(timeout=20)  # what comes meanwhile
        sent.release()

    ticks = iter(range(1_000))
    with SseServer(lambda _r: Answer(body())) as server:
        reads = reads_of(server.url, gather, lambda: float(next(ticks)))
    assert [group for group in reads if group] == GROUPS


def test_nobody_waits_for_what_is_there() -> None:
    gathered: list[int] = []
    frames = [frame(str(number)) for number in range(500)]
    with SseServer(lambda _r: Answer(frames)) as server:
        reads = reads_of(server.url, lambda: gathered.append(1), lambda: 0.0)
    assert [data for group in reads for data in group] == [str(number) for number in range(500)]
    assert gathered == []


class Scripted:
    """A response whose reads take so long and bring so much."""

    def __init__(self, reads: list[tuple[float, int]]) -> None:
        self.headers: dict[str, str] = {}
        self.raw = self
        self.now = 0.0
        self._reads = iter(reads)

    def read1(self, _most: int, **_: Any) -> bytes:
        seconds, size = next(self._reads, (0.0, 0))
        self.now += seconds
        return b":" * size


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.0009, 0.0011, 5.0]), st.integers(1, 20_000))))
def test_only_where_a_read_waited_and_little_has_come(script: list[tuple[float, int]]) -> None:
    response = Scripted(script)
    chunks: list[int] = []
    gathered: list[int] = []
    of = HttpSource(
        "http://h/",
        "test",
        10.0,
        1 << 20,
        on_chunk=lambda: chunks.append(1),
        gather=lambda: gathered.append(len(chunks)),
        now=lambda: response.now,
    )
    session: Any = SimpleNamespace(response=response)
    source: Any = None
    with pytest.raises(Broken, match="end"):
        list(_HttpStream(of, source, session, EventParser(max_data=1 << 20, last_event_id=""), str))
    expected, since = [], 0
    for number, (seconds, size) in enumerate(script, 1):
        since += size
        if seconds >= 0.001:
            if since < 16_384:
                expected.append(number)
            since = 0
    assert gathered == expected
