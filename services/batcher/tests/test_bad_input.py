"""Every bad input to its end: the dead letter in the dead-letter queue, the good rows in S3, the message gone."""

import base64
import json

import pytest
import zstandard
from sluice_batcher.testing import Rig, event, pack
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage
from sluice_core.errors import PermanentError, TemporaryError


def squeeze(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def packed(body: str, **attributes: str | int) -> OutMessage:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return OutMessage(body, {"sluice-codec": wire.CODEC, "sluice-source": "src", **named})


GOOD = json.dumps(event("good")).encode() + b"\n"
WHOLE = {
    "bad base64": (packed("!!!not base64!!!"), reasons.BAD_BASE64),
    "not zstd": (packed(base64.b64encode(b"plain bytes").decode()), reasons.BAD_ZSTD),
    "truncated zstd": (
        packed(base64.b64encode(squeeze(GOOD * 50)[:-9]).decode()),
        reasons.TRUNCATED,
    ),
    "bomb": (packed(base64.b64encode(squeeze(b"\0" * 40_000_000)).decode()), reasons.BOMB),
    "bomb without its size": (
        packed(
            base64.b64encode(
                zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * 40_000_000)
            ).decode()
        ),
        reasons.BOMB,
    ),
    "empty body of a pack": (packed(" "), reasons.BAD_BASE64),
    "stranger's text": (OutMessage("hello there"), reasons.NOT_JSON),
    "stranger's list": (OutMessage("[1, 2]"), reasons.NOT_OBJECT),
    "stranger's number": (OutMessage("5"), reasons.NOT_OBJECT),
    "NaN": (OutMessage('{"a": NaN}'), reasons.NOT_JSON),
}


@pytest.mark.parametrize("name", list(WHOLE))
def test_a_message_that_holds_no_event_is_one_dead_letter(name):
    message, reason = WHOLE[name]
    rig = Rig(batch_max_rows=1)
    rig.send([message, pack([event("neighbour")])])
    rig.run_dry()
    (dead_letter,) = rig.dead()
    assert (dead_letter.reason, dead_letter.body) == (reason, message.body)
    assert dead_letter.original.get("sluice-codec") == message.attributes.get("sluice-codec") or (
        "sluice-codec" not in message.attributes
    )
    assert rig.ids() == ["neighbour"]
    assert len(rig.queue) == 0
    assert rig.metric("poison_records_total", reason=reason) == 1


def test_bad_events_in_a_pack_are_dead_letters_with_place_and_pack_and_the_good_ones_rows():
    big = json.dumps(event("big", comment="x" * 3000)).encode()
    rig = Rig(batch_max_rows=100, max_event_bytes=2000)
    message = pack([event("a"), b"not json", b"[]", big, event("b"), b'{"title": "\xff"}'])
    rig.send([message])
    rig.run_dry()
    dead_letters = {dead_letter.position: dead_letter for dead_letter in rig.dead()}
    assert {place: dead_letter.reason for place, dead_letter in dead_letters.items()} == {
        1: reasons.NOT_JSON,
        2: reasons.NOT_OBJECT,
        3: reasons.TOO_LARGE,
        5: reasons.BAD_UTF8,
    }
    assert [dead_letters[n].body for n in (1, 2, 3, 5)] == [
        "not json",
        "[]",
        big.decode(),
        '{"title": "\\xff"}',
    ]
    pack_id = message.attributes["sluice-pack-id"]
    assert {dead_letter.pack_id for dead_letter in dead_letters.values()} == {pack_id}
    assert {dead_letter.source for dead_letter in dead_letters.values()} == {"test"}
    assert rig.ids() == ["a", "b"]
    assert len(rig.queue) == 0


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"sluice_count": 7}, reasons.COUNT_MISMATCH),
        ({"sluice_count": "x"}, reasons.COUNT_MISMATCH),
        ({"sluice_pack_id": "0" * 64}, reasons.HASH_MISMATCH),
    ],
)
def test_a_wrong_count_or_hash_is_told_and_the_lines_are_rows(attributes, reason):
    rig = Rig(batch_max_rows=1)
    message = pack([event("a"), event("b")], **attributes)
    rig.send([message])
    rig.run_dry()
    (dead_letter,) = rig.dead()
    assert (dead_letter.reason, dead_letter.body, dead_letter.position) == (
        reason,
        message.body,
        None,
    )
    assert rig.ids() == ["a", "b"]
    assert len(rig.queue) == 0


def test_an_unknown_codec_stays_in_the_queue():
    rig = Rig(batch_max_rows=1)
    rig.send([OutMessage("x", {"sluice-codec": "brotli;v9"}), pack([event("a")])])
    rig.receive()
    rig.flush()
    assert rig.ids() == ["a"]
    assert rig.dead() == []
    assert len(rig.queue) == 1
    assert rig.receive() == 0, "it was not handed back at once, which would be a hot loop"
    rig.clock.advance(31)
    assert rig.receive() == 1
    assert rig.metric("messages_returned_total", why="unknown-codec") == 2
    assert len(rig.batcher.in_flight) == 0


def test_a_pack_of_nothing_is_deleted():
    rig = Rig()
    rig.send([packed(base64.b64encode(squeeze(b"")).decode())])
    rig.receive()
    rig.flush()
    assert len(rig.queue) == 0
    assert rig.dead() == []


def test_the_message_is_deleted_only_after_the_dead_letter_was_accepted():
    rig = Rig(batch_max_rows=1)
    down = {"left": 5}

    def before(action):
        if action == "send" and down["left"]:
            down["left"] -= 1
            assert rig.queue.deleted == []
            raise TemporaryError("the dead-letter queue is away")

    rig.dead_queue.before = before
    rig.send([pack([event("a"), b"junk"])])
    rig.receive()
    assert rig.batcher.flushers[0].step()
    while rig.batcher.deleter.delete_now():
        pass
    assert rig.queue.deleted == [], "its rows are stored, its dead letter is not"
    rig.settle()
    assert rig.queue.deleted == ["m0"]
    assert [dead_letter.body for dead_letter in rig.dead()] == ["junk"]
    assert rig.ids() == ["a"]


def test_a_dead_letter_queue_that_denies_keeps_the_original():
    rig = Rig(batch_max_rows=1)

    def denies(action):
        if action == "send":
            raise PermanentError("AccessDenied")

    rig.dead_queue.before = denies
    rig.send([pack([b"junk"]), pack([event("a")])])
    rig.receive()
    assert rig.batcher.dead_letters.step()
    assert rig.batcher.dead_letters.step()
    assert "dead-letter queue" in rig.health.not_ready()
    assert rig.batcher.flushers[0].step()
    rig.batcher.deleter.delete_now()
    assert rig.queue.deleted == ["m1"]
    rig.dead_queue.before = lambda action: None
    rig.settle()
    assert rig.queue.deleted == ["m1", "m0"]
    assert rig.health.not_ready() == {}


def test_dead_letters_that_wait_are_bounded():
    rig = Rig(max_event_bytes=1000)
    body = "x" * 1_000_000
    rig.send(OutMessage(body) for _ in range(70))
    for _ in range(20):
        rig.receive()
    assert not rig.batcher.has_room()
    assert len(rig.batcher.in_flight) == 70
    rig.settle()
    assert rig.batcher.has_room()
    assert len(rig.dead_queue) == 70


def test_an_event_too_large_for_sqs_stands_whole_in_the_bucket():
    huge = json.dumps(event("huge", comment="é" * 900_000)).encode()
    rig = Rig(batch_max_rows=1)
    rig.send([pack([huge, event("a")])])
    rig.run_dry()
    (dead_letter,) = rig.dead()
    assert dead_letter.reason == reasons.TOO_LARGE
    assert rig.bucket.objects[dead_letter.key].body == huge
    assert rig.ids() == ["a"]


def test_missing_and_odd_fields_are_rows():
    events = [
        {"meta": {"id": "1", "dt": "2026-11-23T14:05:00Z"}},
        event("2", id="twelve", title=["x"], bot=None, timestamp="soon"),
        {"meta": None, "title": "t"},
        {"user": ""},
    ]
    rig = Rig(batch_max_rows=1)
    rig.send([pack(events)])
    rig.run_dry()
    by_id = {row["event_id"]: row for row in rig.rows()}
    assert len(by_id) == 4
    assert by_id["1"]["title"] is None
    assert (by_id["2"]["id"], by_id["2"]["title"]) == (None, '["x"]')
    assert rig.dead() == []
    assert rig.metric("values_nulled_total") == 2


def test_sse_ids_travel_with_a_pack():
    events = [b'{"id": 1}', b"junk", b'{"id": 1}']
    message = wire.encode_pack(events, source="s", ids=["x1", "x2", "x3"], carry_ids=True)
    rig = Rig(batch_max_rows=1)
    rig.send([message])
    rig.run_dry()
    assert rig.ids() == ["x1", "x3"]
    assert [dead_letter.position for dead_letter in rig.dead()] == [1]


def test_an_id_that_the_event_does_not_hold_travels_with_its_dead_letter():
    rig = Rig(batch_max_rows=100)
    ids = ["sse-1", "sse-2", "sse-3"]
    rig.send(
        [
            wire.encode_pack(
                [b'{"id":1}', b"no", b'{"title":""}'], source="s", ids=ids, carry_ids=True
            )
        ]
    )
    rig.run_dry()
    (dead_letter,) = rig.dead()
    assert dead_letter.original == {wire.A_FIRST_ID: "sse-2"}
    assert rig.ids() == ["sse-1", "sse-3"]
