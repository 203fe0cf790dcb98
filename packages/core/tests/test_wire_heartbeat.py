"""A heartbeat on the wire: an empty pack with the time it was made."""

import pytest
from sluice_core import wire

LIMIT = 2**20


def told(message):
    return {name: str(value) for name, value in message.attributes.items()}


def time_of(message, **changed):
    attributes = told(message) | {f"sluice-{name}": value for name, value in changed.items()}
    return wire.heartbeat_time(
        attributes, wire.decode(message.body, attributes, max_unpacked_bytes=LIMIT)
    )


def test_it_tells_when_it_was_made():
    assert time_of(wire.encode_heartbeat("s", 1_764_140_000.1234)) == 1_764_140_000.123


def test_a_reader_that_knows_no_heartbeats_finds_a_whole_pack_of_nothing():
    message = wire.encode_heartbeat("s", 1.5)
    attributes = told(message)
    del attributes[wire.A_HEARTBEAT]
    decoded = wire.decode(message.body, attributes, max_unpacked_bytes=LIMIT)
    assert (decoded.events, decoded.problems, decoded.source) == ([], [], "s")
    assert wire.heartbeat_time(attributes, decoded) is None


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-1", "0"])
def test_a_time_that_is_none_makes_no_heartbeat(text):
    assert time_of(wire.encode_heartbeat("s", 1.5), heartbeat=text) is None


def test_what_holds_an_event_or_is_damaged_is_no_heartbeat():
    pack = wire.encode_pack([b'{"a":1}'], source="s", ids=["1"])
    assert time_of(pack, heartbeat="5.0") is None
    plain = wire.encode_plain(b'{"a":1}', source="s", event_id="1")
    assert time_of(plain, heartbeat="5.0") is None
    assert time_of(wire.encode_heartbeat("s", 1.5), count="3") is None
