"""What a message holds, by id."""

import json

import pytest
from sluice_cli.dlq.content import content
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import Received
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock, FakeS3, FakeSqs
from sluice_core.wire.event_id import digest

EVENTS = [json.dumps({"meta": {"id": f"e{n}"}, "n": n}).encode() for n in range(3)]
NAMES = ["e0", "e1", "e2"]


def _through(message: OutMessage) -> Received:
    queue = FakeSqs(FakeClock())
    queue.put_message(message)
    return queue.receive()[0]


def _dead_letter(dead_letter: DeadLetter, bucket: FakeS3) -> Received:
    clock = FakeClock()
    queue = FakeSqs(clock)
    DeadLetters(queue, bucket, stop=Stop(), clock=clock).send([dead_letter])
    return queue.receive()[0]


def test_a_pack_counts_its_events() -> None:
    inside = content(_through(wire.encode_pack(EVENTS, source="s", ids=NAMES)), None)
    assert [names[0] for names in inside.events] == NAMES
    assert inside.count == 3


def test_ids_that_travel_with_the_pack() -> None:
    events = [b'{"a":1}', b'{"a":2}']
    pack = wire.encode_pack(events, source="s", ids=["x", "y"], carry_ids=True)
    inside = content(_through(pack), None)
    assert inside.events == [("x", digest(events[0])), ("y", digest(events[1]))]


def test_a_damaged_pack_names_first_and_last_and_counts_the_rest() -> None:
    pack = wire.encode_pack(EVENTS, source="s", ids=NAMES)
    for body in (pack.body[:40], "no base64!", ""):
        inside = content(_through(OutMessage(body or " ", pack.attributes)), None)
        assert inside.events == [("e0",), ("e2",)]
        assert inside.unreadable == 1


def test_a_pack_of_a_newer_codec() -> None:
    pack = wire.encode_pack(EVENTS, source="s", ids=NAMES)
    inside = content(_through(OutMessage(pack.body, {**pack.attributes, wire.A_CODEC: "v9"})), None)
    assert inside.count == 3


def test_a_pack_that_promises_more_than_it_holds() -> None:
    pack = wire.encode_pack(EVENTS, source="s", ids=NAMES)
    inside = content(_through(OutMessage(pack.body, {**pack.attributes, wire.A_COUNT: 5})), None)
    assert ([names[0] for names in inside.events], inside.unreadable) == (NAMES, 2)


@pytest.mark.parametrize("count", ["many", "9" * 40, "٣", "-1"])
def test_a_count_that_is_none(count: str) -> None:
    pack = wire.encode_pack(EVENTS, source="s", ids=NAMES)
    inside = content(
        _through(OutMessage(pack.body, {**pack.attributes, wire.A_COUNT: count})), None
    )
    assert inside.count == 3


def test_an_event_dead_letter_offers_every_id_that_it_may_have() -> None:
    body = '{"meta":{"id":"e"}}'
    received = _dead_letter(
        DeadLetter(body, reasons.BAD_EVENT, "", original={wire.A_FIRST_ID: "carried"}), FakeS3()
    )
    assert content(received, None).events == [("carried", "e", digest(body.encode()))]


def test_an_event_dead_letter_keeps_an_id_that_no_attribute_can_show() -> None:
    name = "a\n\uffff" * 2000
    original = wire.event_attributes(name, "update", "7")
    received = _dead_letter(
        DeadLetter("no json", reasons.NOT_JSON, "", original=original), FakeS3()
    )
    assert content(received, None).events == [(name, digest(b"no json"))]


def test_an_escaped_body_keeps_the_id_of_the_raw_one() -> None:
    raw = "not json \uffff \x00 end"
    received = _dead_letter(DeadLetter(raw, reasons.NOT_JSON, ""), FakeS3())
    assert "\\uffff" in received.body
    assert digest(raw.encode()) in content(received, None).events[0]


def test_a_large_body_is_read_from_the_bucket() -> None:
    bucket = FakeS3()
    body = json.dumps({"meta": {"id": "big"}, "pad": "x" * 2_000_000})
    received = _dead_letter(DeadLetter(body, reasons.TOO_LARGE, ""), bucket)
    assert len(received.body) < 1000
    assert content(received, bucket).events == [("big", digest(body.encode()))]
    bucket.objects.clear()
    inside = content(received, bucket)
    assert (inside.events, inside.unreadable) == ([], 1)


def test_a_strangers_message() -> None:
    assert content(_through(OutMessage("hello")), None).events == [(digest(b"hello"),)]
