"""What travels beside the events: ids, types and SSE ids come back unchanged, and old and new understand each other."""

import base64
import json

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sluice_core import reasons, wire
from sluice_core.aws.messages import allowed
from sluice_core.errors import DeadLetterError
from sluice_core.limits import SQS_MAX_ATTRIBUTES
from sluice_core.wire.beside import DEFAULT_TYPE

LIMIT = 1 << 20
ANY_TEXT = st.text(st.characters(), min_size=1, max_size=40)
IDS = ANY_TEXT | st.sampled_from(
    [
        "-",
        "\\u0041",
        "a\nb",
        "\r",
        "\x00",
        "\uffff",
        "x" * 2047,
        "x" * 2048,
        "é" * 5000,
        " ",
        "\ud800",
    ]
)
TYPES = st.just(DEFAULT_TYPE) | IDS


def strings(message):
    return {name: str(value) for name, value in message.attributes.items()}


def decode(message):
    assert len(message.attributes) <= SQS_MAX_ATTRIBUTES
    assert all(allowed(str(value)) and str(value) for value in message.attributes.values())
    return wire.decode(message.body, strings(message), max_unpacked_bytes=LIMIT)


def old_reader(message):
    """Ids as the first release read them: lines of `sluice-ids`, or the plain message's `sluice-first-id`."""
    attributes = strings(message)
    if wire.A_CODEC not in attributes:
        return [attributes[wire.A_FIRST_ID]]
    if wire.A_IDS not in attributes:
        return None
    packed = base64.b64decode(attributes[wire.A_IDS])
    return zstandard.ZstdDecompressor().decompress(packed).decode().split("\n")


def squeezed(text: bytes) -> str:
    return base64.b64encode(zstandard.compress(text)).decode()


@given(st.lists(st.tuples(IDS, TYPES, st.none() | IDS), min_size=1, max_size=12))
def test_a_pack_tells_ids_types_and_sse_ids_unchanged(told):
    ids, types, sse_ids = (list(part) for part in zip(*told, strict=True))
    events = [b'{"n":%d}' % n for n in range(len(told))]
    decoded = decode(
        wire.encode_pack(events, source="s", ids=ids, carry_ids=True, types=types, sse_ids=sse_ids)
    )
    assert decoded.problems == []
    assert decoded.events == events
    assert decoded.ids == ids
    assert (decoded.types or [DEFAULT_TYPE] * len(ids)) == types
    assert (decoded.sse_ids or [None] * len(ids)) == sse_ids


@given(IDS, TYPES, st.none() | IDS)
def test_a_plain_message_tells_id_type_and_sse_id_unchanged(event_id, event_type, sse_id):
    message = wire.encode_plain(
        b'{"meta":{"id":"another"}}',
        source="s",
        event_id=event_id,
        event_type=event_type,
        sse_id=sse_id,
    )
    decoded = decode(message)
    assert decoded.ids == [event_id]
    assert (decoded.types or [DEFAULT_TYPE]) == [event_type]
    assert (decoded.sse_ids or [None]) == [sse_id]
    again = decoded.attributes_of(0)
    assert {n: v for n, v in strings(message).items() if n != wire.A_SOURCE} == again


def test_what_is_common_takes_no_room():
    packed = wire.encode_pack([b"{}"] * 2, source="s", ids=["1", "2"])
    assert wire.A_IDS not in packed.attributes
    assert wire.A_BESIDE not in packed.attributes
    all_default = wire.encode_pack(
        [b"{}"] * 2, source="s", ids=["1", "2"], types=["message"] * 2, sse_ids=[None, None]
    )
    assert all_default == packed
    plain = wire.encode_plain(b"{}", source="s", event_id="1")
    assert plain.attributes == {wire.A_SOURCE: "s", wire.A_FIRST_ID: "1"}
    readable = wire.encode_plain(b"{}", source="s", event_id="1", event_type="up", sse_id="7")
    assert readable.attributes == {
        wire.A_SOURCE: "s",
        wire.A_FIRST_ID: "1",
        wire.A_EVENT_TYPE: "up",
        wire.A_SSE_ID: "7",
    }


def test_a_hundred_equal_types_cost_no_more_than_one():
    ids = [str(n) for n in range(100)]
    one = wire.encode_pack([b"{}"], source="s", ids=["1"], types=["update"])
    many = wire.encode_pack([b"{}"] * 100, source="s", ids=ids, types=["update"] * 100)
    assert many.attributes[wire.A_BESIDE] == one.attributes[wire.A_BESIDE]


@given(st.lists(st.text("ab\u2028\u0085\uffffé", min_size=1), min_size=1, max_size=5))
def test_an_old_reader_finds_the_ids_that_a_line_can_hold(ids):
    events = [b"{}"] * len(ids)
    message = wire.encode_pack(
        events, source="s", ids=ids, carry_ids=True, types=["up"] * len(ids), sse_ids=ids
    )
    assert old_reader(message) == ids == decode(message).ids


def test_an_old_reader_derives_what_no_line_can_hold():
    message = wire.encode_pack([b"{}"] * 2, source="s", ids=["a\nb", "c"], carry_ids=True)
    assert old_reader(message) is None
    assert decode(message).ids == ["a\nb", "c"]


def test_an_old_writer_is_understood():
    attributes = {
        wire.A_CODEC: wire.CODEC,
        wire.A_COUNT: "2",
        wire.A_FIRST_ID: "7",
        wire.A_LAST_ID: "8",
        wire.A_IDS: squeezed(b"7\n8"),
    }
    decoded = wire.decode(squeezed(b"{}\n{}\n"), attributes, max_unpacked_bytes=LIMIT)
    assert (decoded.ids, decoded.types, decoded.sse_ids) == (["7", "8"], None, None)
    decoded = wire.decode("{}", {wire.A_FIRST_ID: "7"}, max_unpacked_bytes=LIMIT)
    assert decoded.ids == ["7"]


@pytest.mark.parametrize("changed", ["x" * 2048, "a \\uffff b", "-"])
def test_an_id_that_an_old_writer_may_have_changed_is_not_believed(changed):
    decoded = wire.decode("{}", {wire.A_FIRST_ID: changed}, max_unpacked_bytes=LIMIT)
    assert decoded.ids is None


def test_a_newer_writer_s_names_are_passed_over():
    text = squeezed(json.dumps({"types": "up", "colours": ["red"]}).encode())
    decoded = wire.decode("{}", {wire.A_BESIDE: text}, max_unpacked_bytes=LIMIT)
    assert (decoded.types, decoded.problems) == (["up"], [])


def test_what_is_not_one_an_event_is_told_and_not_used():
    message = wire.encode_pack([b"{}"] * 2, source="s", ids=["1", "2"])
    text = squeezed(orjson.dumps({"types": ["up"], "sse": ["1", "2"]}))
    decoded = wire.decode(
        message.body, strings(message) | {wire.A_BESIDE: text}, max_unpacked_bytes=LIMIT
    )
    assert (decoded.types, decoded.sse_ids, decoded.ids) == (None, None, None)
    assert [reason for reason, _ in decoded.problems] == [reasons.COUNT_MISMATCH]
    assert "types" in decoded.problems[0][1]


@pytest.mark.parametrize(
    "text",
    [b"no json", b"[1]", b'{"types":[1]}', b'{"ids":[null]}', b'{"sse":{}}', b"[" * 10**5, b"\xff"],
)
def test_damage_beside_the_events_is_a_dead_letter(text):
    with pytest.raises(DeadLetterError) as caught:
        wire.decode("{}", {wire.A_BESIDE: squeezed(text)}, max_unpacked_bytes=LIMIT)
    assert caught.value.reason == reasons.NOT_JSON


def test_a_bomb_beside_the_events_is_refused():
    with pytest.raises(DeadLetterError) as caught:
        wire.decode("{}", {wire.A_BESIDE: squeezed(b" " * (17 << 20))}, max_unpacked_bytes=LIMIT)
    assert caught.value.reason == reasons.BOMB
