"""When one event happened, out of its bytes."""

import pytest
from sluice_core.wire.event_time import DEFAULT_PATHS, MICROS, event_time, parse_paths

AT = 1_700_000_000 * MICROS


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (b'{"meta":{"dt":"2023-11-14T22:13:20Z"},"timestamp":5}', AT),
        (b'{"meta":{"dt":"soon"},"timestamp":1700000000}', AT),
        (b'{"ts":"1700000000123456789"}', AT + 123456),
        (b'{"ts":1700000000123456789,"title":"half a pair \\ud83d"}', AT + 123456),
        (b'{"created_at":"Tue, 14 Nov 2023 22:13:20 GMT"}', AT),
        (b'{"title":"x"}', None),
        (b'{"meta":5,"ts":null}', None),
        (b"[1700000000]", None),
        (b'"1700000000"', None),
        (b'{"ts":1700000000', None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_the_first_path_that_holds_a_time(event: bytes, expected: int | None) -> None:
    assert event_time(event, DEFAULT_PATHS) == expected


def test_the_order_is_that_of_the_paths() -> None:
    event = b'{"a":{"b":1700000000},"c":1700000001}'
    assert event_time(event, parse_paths("c,a.b")) == AT + MICROS
    assert event_time(event, parse_paths("a.b,c")) == AT
