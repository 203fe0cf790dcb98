"""Bytes to lines, by the HTML standard's rules."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_producer.source.lines import LineSplitter


def split(*chunks: bytes, max_line: int = 1 << 20) -> list[bytes]:
    splitter = LineSplitter(max_line)
    return [line for chunk in chunks for line in splitter.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_each_of_the_three_line_ends(end: bytes) -> None:
    assert split(b"a" + end + b"b" + end + end + b"c" + end) == [b"a", b"b", b"", b"c"]


def test_mixed_ends() -> None:
    assert split(b"a\r\n\rb\n\r\nc\r\r\n") == [b"a", b"", b"b", b"", b"c", b""]


def test_crlf_shared_by_two_chunks_is_one_end() -> None:
    assert split(b"a\r", b"\nb\r", b"\n") == [b"a", b"b"]


def test_crlf_with_an_empty_chunk_in_the_middle() -> None:
    assert split(b"a\r", b"", b"\nb\n") == [b"a", b"b"]


def test_cr_at_a_chunk_border_ends_the_line_at_once() -> None:
    assert split(b"a\r") == [b"a"]


def test_cr_then_cr_over_a_border_are_two_ends() -> None:
    assert split(b"a\r", b"\rb\n") == [b"a", b"", b"b"]


@pytest.mark.parametrize("cut", range(1, 5))
def test_bom_is_dropped_wherever_it_is_cut(cut: int) -> None:
    data = b"\xef\xbb\xbfdata: x\n"
    assert split(data[:cut], data[cut:]) == [b"data: x"]


def test_only_one_bom_at_the_start_is_dropped() -> None:
    assert split(b"\xef\xbb\xbf\xef\xbb\xbfa\n\xef\xbb\xbfb\n") == [
        b"\xef\xbb\xbfa",
        b"\xef\xbb\xbfb",
    ]


def test_a_start_that_only_looks_like_a_bom_is_kept() -> None:
    assert split(b"\xef", b"\xbb", b"a\n") == [b"\xef\xbba"]


def test_separators_of_unicode_are_no_line_ends() -> None:
    text = "a\u2028b\u0085c\x0bd\x0ce\x1ef".encode()
    assert split(text + b"\n") == [text]


def test_an_unended_line_is_not_given() -> None:
    assert split(b"data: x\ndata: y") == [b"data: x"]


def test_a_line_over_the_limit_is_cut_and_counted() -> None:
    splitter = LineSplitter(10)
    lines = splitter.feed(b"0123456") + splitter.feed(b"789abc") + splitter.feed(b"def\nshort\n")
    assert lines == [b"0123456789", b"short"]
    assert splitter.dropped == 6


def test_eight_megabytes_in_one_line_take_linear_time() -> None:
    piece = b"x" * 1024
    splitter = LineSplitter(1 << 24)
    started = time.process_time()
    for _ in range(8192):
        assert splitter.feed(piece) == []
    (line,) = splitter.feed(b"\n")
    assert len(line) == 8192 * 1024
    assert time.process_time() - started < 2


@given(
    st.lists(
        st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf", "\u2028".encode(), b"\x00"])
    ),
    st.data(),
)
def test_any_chunking_gives_the_same_lines(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert split(*chunks) == split(stream) == split(*[bytes([byte]) for byte in stream])


@given(st.binary(max_size=200))
def test_lines_are_those_of_the_standard(stream: bytes) -> None:
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert split(stream) == ([] if stream in (b"\xef", b"\xef\xbb") else text.split(b"\n")[:-1])
