"""Lines to events: the HTML standard case by case, and the known faults of requests-sse 0.5.3."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_producer.testing import parse

Seen = tuple[str, str, str]


def seen(*chunks: bytes, **options: object) -> list[Seen]:
    return [(e.type, e.data, e.last_event_id) for e in parse(chunks, **options)]  # type: ignore[arg-type]


def reference(stream: bytes) -> list[Seen]:
    """The standard's algorithm, written down as it stands there, over the whole stream."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    data, kind, last_id, events = "", "", "", []
    for line in lines:
        if line == "":
            if data:
                events.append((kind or "message", data.removesuffix("\n"), last_id))
            data, kind = "", ""
            continue
        name, colon, value = line.partition(":")
        if colon and not name:
            continue
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            last_id = value
    return events


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [
                ("message", "first event", "1"),
                ("message", "second event", ""),
                ("message", " third event", ""),
            ],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
        (b"event: add\ndata: 7\n\ndata: 8\n\n", [("add", "7", ""), ("message", "8", "")]),
        (b"event:\ndata: 7\n\n", [("message", "7", "")]),
        (b"event: add\n\ndata: 8\n\n", [("message", "8", "")]),
        (b"id: a\ndata: 1\n\ndata: 2\n\n", [("message", "1", "a"), ("message", "2", "a")]),
        (b"id: a\n\ndata: 2\n\n", [("message", "2", "a")]),
        (b"id: a\ndata: 1\n\nid\ndata: 2\n\n", [("message", "1", "a"), ("message", "2", "")]),
        (
            b"id: a\ndata: 1\n\nid: b\0c\ndata: 2\n\n",
            [("message", "1", "a"), ("message", "2", "a")],
        ),
        (b"id: \0\ndata: 2\n\n", [("message", "2", "")]),
        (b"data: a:b: c\n\n", [("message", "a:b: c", "")]),
        (b"Data: 1\ndata : 2\nfoo: 3\n\n", []),
        (b":data: 1\n\n", []),
        (b"data: cut off", []),
        (b"data: cut off\n", []),
        (b"data: 1\n\nid: 9\ndata: cut off", [("message", "1", "")]),
        (b"data: 1\n\n\n\n\ndata: 2\n\n", [("message", "1", ""), ("message", "2", "")]),
        (b"data: \xff\xfe!\n\n", [("message", "\ufffd\ufffd!", "")]),
        (b"id: \xff\ndata: x\n\n", [("message", "x", "\ufffd")]),
        ("data: a\u2028b\u0085c\n\n".encode(), [("message", "a\u2028b\u0085c", "")]),
        (b"data: a\x0bb\n\n", [("message", "a\x0bb", "")]),
        (b"data: x \n\n", [("message", "x ", "")]),
    ],
)
def test_the_standard_case_by_case(stream: bytes, expected: list[Seen]) -> None:
    assert reference(stream) == expected
    assert seen(stream) == expected
    assert seen(*[bytes([byte]) for byte in stream]) == expected


_PIECES = st.sampled_from(
    [
        b"data",
        b"id",
        b"event",
        b"retry",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"x",
        b"{}",
        b"\x00",
        b"\n\n",
        "\u2028".encode(),
        "é".encode(),
        b"\xff",
        b"data: 1\n",
        b"id: 7\n",
        b"event: a\n",
        b"event: message\nid: 7\ndata: {}\n\n",
        b"id: 8\nevent: b\ndata: 2\n\n",
        b"data: 3\n\n",
        b"\xef\xbb\xbf",
    ]
)


@given(st.lists(_PIECES, max_size=40), st.data())
def test_any_chunking_gives_the_standard_s_events(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert seen(*chunks) == reference(stream)


def test_own_id_is_told_from_an_inherited_one() -> None:
    events = parse([b"id: a\ndata: 1\n\ndata: 2\n\nid: a\ndata: 3\n\n"])
    assert [e.has_own_id for e in events] == [True, False, True]


# The known faults.


def test_fault_1_an_id_of_an_event_that_never_arrived_is_not_committed() -> None:
    first = parse([b"id: 1\ndata: a\n\nid: 2\ndata: cut"])
    assert [e.last_event_id for e in first] == ["1"]
    again = parse([b": preamble\n\n", b"data: b\n\n"], last_event_id=first[-1].last_event_id)
    assert [(e.data, e.last_event_id) for e in again] == [("b", "1")]


def test_fault_2_a_crlf_over_two_chunks_leaves_one_event() -> None:
    assert seen(b"data: {\r", b"\ndata: }\r", b"\n\r", b"\n") == [("message", "{\n}", "")]


def test_fault_3_a_bom_does_not_swallow_the_first_event() -> None:
    assert seen(b"\xef\xbb\xbfdata: 1\n\ndata: 2\n\n") == [
        ("message", "1", ""),
        ("message", "2", ""),
    ]


@pytest.mark.parametrize("lines", [1, 8192])
def test_fault_4_eight_megabytes_take_linear_time(lines: int) -> None:
    line = b"data: " + b"x" * (8 * 2**20 // lines) + b"\n"
    stream = line * lines + b"\n"
    chunks = [stream[i : i + 512] for i in range(0, len(stream), 512)]
    started = time.process_time()
    (event,) = parse(chunks)
    assert len(event.data) == 8 * 2**20 + lines - 1
    assert time.process_time() - started < 3  # requests-sse alone: half a minute


@pytest.mark.parametrize("value", ["-5", "x", "", " ", "1e9", "٣", "9" * 5000, "1.5"])
def test_fault_5_no_retry_value_kills_the_stream(value: str) -> None:
    assert seen(f"retry: {value}\ndata: 1\n\ndata: 2\n\n".encode()) == [
        ("message", "1", ""),
        ("message", "2", ""),
    ]
