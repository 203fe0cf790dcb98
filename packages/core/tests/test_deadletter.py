"""Dead letters arrive whole, whatever they hold and whatever SQS does meanwhile."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core import reasons, wire
from sluice_core.aws.sqs import RefusedEntry
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.limits import SQS_MAX_ATTRIBUTES
from sluice_core.service.retry import Stopped
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock, FakeS3, FakeSqs


@pytest.fixture
def clock():
    return FakeClock()


def office(clock, **sqs):
    queue, bucket = FakeSqs(clock, name="dlq", **sqs), FakeS3()
    return queue, bucket, DeadLetters(queue, bucket, stop=Stop(), clock=clock)


@given(
    st.text(min_size=1, max_size=80).filter(lambda t: t.strip()),
    st.sampled_from(sorted(reasons.ALL)),
    st.none() | st.integers(0, 10_000),
    st.text(max_size=40),
)
def test_a_dead_letter_survives_the_queue(body, reason, position, detail):
    clock = FakeClock()
    queue, _, dead_letters = office(clock)
    dead_letters.send(
        [DeadLetter(body, reason, detail, source="s", pack_id="p", position=position)]
    )
    (received,) = queue.receive()
    dead_letter = DeadLetter.from_message(received)
    assert (dead_letter.reason, dead_letter.position, dead_letter.source, dead_letter.pack_id) == (
        reason,
        position,
        "s",
        "p",
    )
    if not dead_letter.escaped:
        assert dead_letter.body == body


def test_a_forbidden_character_inside_json_stays_the_same_json(clock):
    queue, _, dead_letters = office(clock)
    body = '{"title":"\uffff"}'
    dead_letters.send([DeadLetter(body, reasons.BAD_EVENT, "x")])
    dead_letter = DeadLetter.from_message(queue.receive()[0])
    assert dead_letter.escaped
    assert orjson.loads(dead_letter.body) == orjson.loads(body)


def test_what_is_too_large_for_sqs_stands_whole_in_the_bucket(clock):
    queue, bucket, dead_letters = office(clock)
    body = "é" * 700_000
    dead_letters.send(
        [DeadLetter(body, reasons.TOO_LARGE, "1.4 MB", original={"sluice-codec": "c"})]
    )
    dead_letter = DeadLetter.from_message(queue.receive()[0])
    assert dead_letter.key is not None
    assert dead_letter.key.startswith("_sluice/dead/")
    assert bucket.objects[dead_letter.key].body.decode() == body
    assert dead_letter.original == {"sluice-codec": "c"}


def test_send_returns_only_when_every_dead_letter_was_accepted(clock):
    tries: list[int] = []

    def refuse(action, index, message):
        tries.append(index)
        return (
            RefusedEntry(index, "InternalError", "", permanent=False)
            if len(tries) < 30 and index % 2
            else None
        )

    queue, _, dead_letters = office(clock, refuse=refuse)
    dead_letters.send([DeadLetter(f"dead letter {n}", reasons.NOT_JSON, "") for n in range(25)])
    assert sorted(m.body for m in queue.sent) == sorted(f"dead letter {n}" for n in range(25))


def test_an_outage_is_waited_out(clock):
    failures = []

    def down(action):
        if len(failures) < 5:
            raise TemporaryError("away")

    queue, bucket = FakeSqs(clock, before=down), FakeS3()
    dead_letters = DeadLetters(
        queue, bucket, stop=Stop(), clock=clock, on_error=lambda e, d: failures.append(d)
    )
    dead_letters.send([DeadLetter("x", reasons.NOT_JSON, "")])
    assert len(failures) == 5
    assert len(queue) == 1


def test_a_refusal_for_good_is_loud(clock):
    def refuse(action, index, message):
        return RefusedEntry(index, "InvalidMessageContents", "no", permanent=True)

    _, _, dead_letters = office(clock, refuse=refuse)
    with pytest.raises(PermanentError, match="InvalidMessageContents"):
        dead_letters.send([DeadLetter("x", reasons.NOT_JSON, "")])


def test_a_forced_stop_ends_the_wait(clock):
    def down(action):
        raise TemporaryError("away")

    stop = Stop()
    stop.force()
    dead_letters = DeadLetters(FakeSqs(clock, before=down), FakeS3(), stop=stop, clock=clock)
    with pytest.raises(Stopped):
        dead_letters.send([DeadLetter("x", reasons.NOT_JSON, "")])


def test_what_the_redrive_policy_moved_says_so(clock):
    queue = FakeSqs(clock)
    from sluice_core.aws.messages import OutMessage

    queue.put_message(OutMessage("{}"))
    dead_letter = DeadLetter.from_message(queue.receive()[0])
    assert dead_letter.reason == "redriven"


def test_a_whole_pack_keeps_the_ids_that_a_redrive_needs(clock):
    from sluice_core import wire

    queue, _, dead_letters = office(clock)
    out = wire.encode_pack([b"{}", b"[]"], source="s", ids=["a", "b"], carry_ids=True)
    original = {name: str(value) for name, value in out.attributes.items()}
    dead_letters.send(
        [DeadLetter(out.body, reasons.HASH_MISMATCH, "x", "s", "p", original=original)]
    )
    dead_letter = DeadLetter.from_message(queue.receive()[0])
    again = wire.decode(dead_letter.body, dead_letter.original, max_unpacked_bytes=1000)
    assert again.ids == ["a", "b"]
    assert len(queue.sent[0].attributes) <= 10


def test_a_whole_pack_s_dead_letter_with_everything_stays_within_sqs_s_attributes(clock):
    queue, _, dead_letters = office(clock)
    ids = ["a\nb", "c"]
    pack = wire.encode_pack(
        [b"{}", b"{}"], source="s", ids=ids, carry_ids=True, types=["x", "y"], sse_ids=["1", None]
    )
    original = {name: str(value) for name, value in pack.attributes.items()} | {wire.A_IDS: "AAAA"}
    dead_letter = DeadLetter(
        pack.body + "\uffff" + "x" * 1_100_000,
        reasons.BAD_BASE64,
        "d",
        source="s",
        pack_id="p",
        original=original,
    )
    dead_letters.send([dead_letter])
    (received,) = queue.receive()
    assert len(received.attributes) <= SQS_MAX_ATTRIBUTES
    got = DeadLetter.from_message(received)
    assert got.original[wire.A_BESIDE] == original[wire.A_BESIDE]
    assert got.original[wire.A_COUNT] == "2"
    assert got.key


@given(st.text(min_size=1), st.text(min_size=1), st.none() | st.text(min_size=1))
def test_a_lone_event_s_dead_letter_keeps_id_type_and_sse_id(event_id, event_type, sse_id):
    clock = FakeClock()
    queue, _, dead_letters = office(clock)
    dead_letters.send(
        [
            DeadLetter(
                "no json \uffff",
                reasons.NOT_JSON,
                "d",
                source="s",
                pack_id="p",
                position=3,
                original=wire.event_attributes(event_id, event_type, sse_id),
            )
        ]
    )
    (received,) = queue.receive()
    assert len(received.attributes) <= SQS_MAX_ATTRIBUTES
    decoded = wire.decode(
        received.body, DeadLetter.from_message(received).original, max_unpacked_bytes=2**20
    )
    assert decoded.ids == [event_id]
    assert decoded.types == ([event_type] if event_type != "message" else None)
    assert decoded.sse_ids == ([sse_id] if sse_id else None)
