"""The codec: what goes in comes out, and what is damaged is told apart without using memory."""

import base64
import hashlib
import tracemalloc

import orjson
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage, allowed, escape, plain_message
from sluice_core.errors import DeadLetterError, UnknownCodecError
from sluice_core.limits import SQS_MAX_ATTRIBUTES

LIMIT = 1 << 20

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)
events = st.dictionaries(st.text("abcéU\u2028\u0085", max_size=4), json_values, max_size=4).map(
    orjson.dumps
)


def strings(message):
    return {name: str(value) for name, value in message.attributes.items()}


def pack(body: bytes, **attributes: str):
    return base64.b64encode(body).decode(), {wire.A_CODEC: wire.CODEC, **attributes}


def reason_of(body: str, attributes: dict[str, str], limit: int = LIMIT) -> str:
    with pytest.raises(DeadLetterError) as caught:
        wire.decode(body, attributes, max_unpacked_bytes=limit)
    return caught.value.reason


@given(st.lists(events, min_size=1, max_size=20), st.booleans(), st.data())
def test_a_pack_comes_back_byte_for_byte(lines, carry, data):
    ids = data.draw(st.lists(st.text(max_size=30), min_size=len(lines), max_size=len(lines)))
    message = wire.encode_pack(lines, source="src", ids=ids, carry_ids=carry)
    decoded = wire.decode(message.body, strings(message), max_unpacked_bytes=LIMIT)
    assert decoded.events == lines
    assert decoded.problems == []
    assert decoded.source == "src"
    assert decoded.pack_id == hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
    assert (decoded.ids is None) == (not carry)
    assert not carry or decoded.ids == ids
    assert len(message.attributes) <= SQS_MAX_ATTRIBUTES
    assert all(allowed(str(value)) and str(value) for value in message.attributes.values())


@given(events)
def test_a_plain_event_means_the_same_json_and_has_only_allowed_characters(event):
    message = wire.encode_plain(event, source="src", event_id="id-1")
    assert allowed(message.body)
    decoded = wire.decode(message.body, strings(message), max_unpacked_bytes=LIMIT)
    assert [orjson.loads(e) for e in decoded.events] == [orjson.loads(event)]
    assert decoded.ids == ["id-1"]


def test_lines_are_split_on_newline_alone():
    event = '{"a":"x\u2028y\u0085z"}'.encode()
    message = wire.encode_pack([event, event], source="s", ids=["1", "2"])
    assert wire.decode(message.body, strings(message), max_unpacked_bytes=LIMIT).events == [
        event,
        event,
    ]


@pytest.mark.parametrize(
    ("lines", "ids"), [([], []), ([b"{}\n"], ["1"]), ([b"{}"], []), ([b"{}"], ["1", "2"])]
)
def test_a_pack_that_could_not_be_read_back_is_not_made(lines, ids):
    with pytest.raises(ValueError, match="event"):
        wire.encode_pack(lines, source="s", ids=ids)


def test_an_unknown_codec_is_no_dead_letter():
    with pytest.raises(UnknownCodecError, match="v9"):
        wire.decode("AAAA", {wire.A_CODEC: "zstd+base64;v9"}, max_unpacked_bytes=LIMIT)


def test_damage_has_its_own_reason():
    frame = zstandard.ZstdCompressor().compress(b'{"a":1}\n' * 1000)
    sizeless = zstandard.ZstdCompressor(write_content_size=False).compress(b'{"a":1}\n' * 1000)
    assert reason_of("not base64!", {wire.A_CODEC: wire.CODEC}) == reasons.BAD_BASE64
    assert reason_of("ÿé", {wire.A_CODEC: wire.CODEC}) == reasons.BAD_BASE64
    assert reason_of(*pack(b"no zstd at all")) == reasons.BAD_ZSTD
    assert reason_of(*pack(frame + b"tail")) == reasons.BAD_ZSTD
    assert reason_of(*pack(sizeless + b"tail")) == reasons.BAD_ZSTD
    assert reason_of(*pack(frame[:-3])) == reasons.TRUNCATED
    assert reason_of(*pack(sizeless[:-3])) == reasons.TRUNCATED
    assert reason_of("\ud800", {}) == reasons.BAD_UTF8


@given(st.binary(max_size=200))
def test_garbage_is_a_dead_letter_and_nothing_else(garbage):
    body, attributes = pack(garbage)
    with pytest.raises(DeadLetterError) as caught:
        wire.decode(body, attributes, max_unpacked_bytes=LIMIT)
    assert caught.value.reason in reasons.ALL


@pytest.mark.parametrize("with_size", [True, False])
def test_a_bomb_costs_no_memory(with_size):
    bomb = zstandard.ZstdCompressor(write_content_size=with_size).compress(b"0" * (64 << 20))
    body, attributes = pack(bomb)
    tracemalloc.start()
    try:
        assert reason_of(body, attributes) == reasons.BOMB
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_the_limit_is_inclusive():
    exact = b"x" * (LIMIT - 1) + b"\n"
    body, attributes = pack(zstandard.ZstdCompressor().compress(exact))
    assert wire.decode(body, attributes, max_unpacked_bytes=LIMIT).events == [exact[:-1]]
    assert reason_of(body, attributes, LIMIT - 1) == reasons.BOMB


def test_a_wrong_count_or_hash_keeps_the_events_and_tells():
    message = wire.encode_pack([b"{}", b"[]"], source="s", ids=["1", "2"])
    attributes = strings(message) | {wire.A_COUNT: "3", wire.A_PACK_ID: "0" * 64}
    decoded = wire.decode(message.body, attributes, max_unpacked_bytes=LIMIT)
    assert decoded.events == [b"{}", b"[]"]
    assert [reason for reason, _ in decoded.problems] == [
        reasons.COUNT_MISMATCH,
        reasons.HASH_MISMATCH,
    ]


def test_ids_that_do_not_fit_the_events_are_not_used():
    message = wire.encode_pack([b"{}", b"[]"], source="s", ids=["1", "2"], carry_ids=True)
    other = wire.encode_pack([b"{}"], source="s", ids=["1"], carry_ids=True)
    attributes = strings(message) | {wire.A_IDS: str(other.attributes[wire.A_IDS])}
    decoded = wire.decode(message.body, attributes, max_unpacked_bytes=LIMIT)
    assert decoded.ids is None
    assert [reason for reason, _ in decoded.problems] == [reasons.COUNT_MISMATCH]


@given(st.text(st.characters(exclude_categories=[]), max_size=20))
@example("\ufffd\uffff")
@example("\ufffe")
@example("\x7f\x1f")
@example("\t\n\r\0")
def test_what_sqs_refuses_is_escaped_and_nothing_else(text: str) -> None:
    """The characters of XML 1.0, one by one (https://www.w3.org/TR/xml/#charsets)."""

    def fine(char: str) -> bool:
        n = ord(char)
        return n in (9, 10, 13) or 32 <= n <= 0xD7FF or 0xE000 <= n <= 0xFFFD or n >= 0x10000

    assert escape(text) == "".join(c if fine(c) else f"\\u{ord(c):04x}" for c in text)
    data = text.encode("utf-8", "replace")
    attributes = {"a": "ä", "n": 7}
    message = plain_message(data, attributes)
    slowly = OutMessage(escape(data.decode()), attributes)
    assert (message, message.size) == (slowly, slowly.size)
    assert allowed(text) == all(map(fine, text))


@given(st.text(st.sampled_from("ab-\\u\uffff é\n") | st.characters(exclude_categories=["Cs"])))
def test_an_id_s_attribute_is_the_same_however_plain_it_is(text: str) -> None:
    attributes = wire.event_attributes(text, "message", None)
    assert attributes.get(wire.codec.A_FIRST_ID) == (
        wire.codec.attribute_text(text) if text else None
    )
    told = wire.decode("{}", attributes, max_unpacked_bytes=1000).ids
    assert (told or [""])[0] == text
