"""A dead letter in the bucket is found again when its message has lost its attributes."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import Received
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.deadletter.pointer import MARK, pointer_body, read_pointer, restored, whole_body
from sluice_core.errors import DeadLetterError
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock, FakeS3, FakeSqs

KEY = "_sluice/dead/01a21509-0c9f-76aa-b615-00cf61fdfe41"


def add_dead_letters(dead_letter, **options):
    """(what the dead-letter queue holds, bucket)"""
    clock = FakeClock()
    queue, bucket = FakeSqs(clock), FakeS3()
    DeadLetters(queue, bucket, stop=Stop(), clock=clock, **options).send([dead_letter])
    return queue.receive()[0], bucket


def moved(message):
    """As a tool brings it back that knows nothing of attributes."""
    return message._replace(attributes={})


def test_a_dead_letter_knows_itself_by_its_body_alone():
    body = "é\ud800" * 400_000
    original = {wire.A_FIRST_ID: "1", wire.A_CODEC: "c", wire.A_COUNT: "7"}
    dead_letter = DeadLetter(body, reasons.TOO_LARGE, "why", "src", "p", 3, original)
    message, bucket = add_dead_letters(dead_letter)
    found = DeadLetter.from_message(moved(message))
    assert found == DeadLetter.from_message(message)
    assert (found.reason, found.source, found.pack_id, found.position) == (
        reasons.TOO_LARGE,
        "src",
        "p",
        3,
    )
    assert found.original == original
    assert whole_body(bucket, restored(moved(message))) == body
    assert message.body.isascii()


def test_a_queue_for_small_messages_gets_a_small_dead_letter():
    ids = "x" * 200_000
    dead_letter = DeadLetter("y" * 300_000, reasons.BOMB, "", original={wire.A_IDS: ids})
    message, bucket = add_dead_letters(dead_letter, max_message_bytes=262_144)
    assert OutMessage(message.body, message.attributes).size <= 262_144
    assert whole_body(bucket, restored(moved(message))) == dead_letter.body


def test_another_object_under_the_key_is_not_taken_for_the_event():
    message, bucket = add_dead_letters(DeadLetter("x" * 1_100_000, reasons.TOO_LARGE, ""))
    (key,) = bucket.objects
    bucket.objects[key] = replace(bucket.objects[key], body=b"{}")
    with pytest.raises(DeadLetterError, match=reasons.BODY_GONE):
        whole_body(bucket, restored(moved(message)))
    bucket.objects.clear()
    with pytest.raises(DeadLetterError, match=reasons.BODY_GONE):
        whole_body(bucket, restored(moved(message)))


@pytest.mark.parametrize(
    "change",
    [
        {"key": "_sluice/checkpoint/x.json"},
        {"key": f"../{KEY}"},
        {"key": 5},
        {"sha256": "short"},
        {"attributes": []},
        {MARK: 2},
    ],
)
def test_what_only_looks_like_one_is_none(change):
    right = json.loads(pointer_body(KEY, b"x", {}))
    assert read_pointer(json.dumps(right)) is not None
    assert read_pointer(json.dumps({**right, **change})) is None


def test_an_event_with_a_source_is_never_taken_for_one():
    body = pointer_body(KEY, b"x", {})
    message = Received("m", "h", body, {wire.A_SOURCE: "s"})
    assert restored(message) == message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from([MARK, "key", "sha256", "attributes", "sluice-source"]), inner
            )
        ),
        max_leaves=8,
    )
)
def test_no_body_is_a_fault(value):
    message = Received("m", "h", json.dumps(value))
    assert restored(message) == message
    DeadLetter.from_message(message)


def test_a_pack_is_known_by_its_beginning():
    events = [b'{"a":1}', b'{"b":2}']
    out = wire.encode_pack(events, source="s", ids=["1", "2"])
    decoded = wire.decode(out.body, {}, max_unpacked_bytes=1000)
    assert (decoded.events, decoded.problems) == (events, [])
    damaged = out.body[:8] + "!" + out.body[9:]
    with pytest.raises(DeadLetterError, match=reasons.BAD_BASE64):
        wire.decode(damaged, {}, max_unpacked_bytes=1000)
