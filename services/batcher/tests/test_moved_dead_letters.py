"""Dead letters that AWS's redrive, or any other tool, has moved to the main queue: rows, whatever got lost."""

import json

import pytest
from sluice_batcher.testing import FailTimes, Rig, event, pack
from sluice_core import reasons
from sluice_core.aws.messages import OutMessage
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.deadletter.pointer import pointer_body
from sluice_core.errors import AccessDeniedError, TemporaryError
from sluice_core.service.stop import Stop

LARGE = "x" * 1_100_000
PACK = pack([event("p0", comment="\U0001f680"), event("p1"), event("p2")])
WHOLE = {name: str(value) for name, value in PACK.attributes.items()}


def dead_letter(body, reason=reasons.BAD_EVENT, **original):
    return DeadLetter(body, reason, "why", source="src", pack_id="p", original=original)


DEAD_LETTERS = {
    "an event": (dead_letter(json.dumps(event("small"))), ["small"]),
    "an event with a forbidden character": (
        dead_letter(json.dumps(event("odd", title="\uffff"), ensure_ascii=False)),
        ["odd"],
    ),
    "an event in the bucket": (
        dead_letter(json.dumps(event("large", comment=LARGE)), reasons.TOO_LARGE),
        ["large"],
    ),
    "a pack": (DeadLetter(PACK.body, reasons.BOMB, "", original=WHOLE), ["p0", "p1", "p2"]),
    "a pack in the bucket": (
        DeadLetter(PACK.body, reasons.BOMB, "", original={**WHOLE, "sluice-ids": ""}),
        ["p0", "p1", "p2"],
    ),
}


def add_dead_letters(rig, *dead_letters, limit=None):
    """Sends dead letters to the dead-letter queue, and takes them out of it again as messages."""
    limits = {} if limit is None else {"max_message_bytes": limit}
    office = DeadLetters(rig.dead_queue, rig.bucket, stop=Stop(), clock=rig.clock, **limits)
    office.send(dead_letters)
    messages = rig.dead_queue.receive(max_messages=1000)
    rig.dead_queue.delete([message.receipt_handle for message in messages])
    return messages


def move(rig, messages, *, attributes):
    rig.send([OutMessage(m.body, m.attributes if attributes else {}) for m in messages])


@pytest.mark.parametrize("attributes", [True, False], ids=["whole", "without attributes"])
@pytest.mark.parametrize("name", DEAD_LETTERS)
def test_a_moved_dead_letter_is_what_it_was_before(name, attributes):
    rig = Rig(batch_max_rows=1, max_event_bytes="4MiB", columns="recentchange")
    one, ids = DEAD_LETTERS[name]
    messages = add_dead_letters(rig, one, limit=100 if name == "a pack in the bucket" else None)
    assert len(rig.bucket.objects) == ("bucket" in name)
    move(rig, messages, attributes=attributes)
    rig.run_dry()
    assert rig.ids() == ids
    assert rig.dead() == []
    assert len(rig.queue) == 0
    if name == "an event in the bucket":
        assert rig.rows()[0]["comment"] == LARGE


def test_a_dead_letter_whose_body_is_gone_is_one_again_and_keeps_its_key():
    rig = Rig(batch_max_rows=1)
    messages = add_dead_letters(rig, dead_letter(LARGE, reasons.TOO_LARGE))
    (key,) = rig.bucket.objects
    rig.bucket.objects.clear()
    move(rig, messages, attributes=False)
    rig.run_dry()
    (again,) = rig.dead()
    assert (again.reason, again.key, again.source) == (reasons.BODY_GONE, key, "src")
    assert again.body == messages[0].body
    assert len(rig.queue) == 0


@pytest.mark.parametrize("error", [TemporaryError("away"), AccessDeniedError("closed")])
def test_it_waits_in_the_queue_while_the_bucket_does_not_answer(error):
    rig = Rig(batch_max_rows=1, max_event_bytes="4MiB")
    move(rig, add_dead_letters(rig, DEAD_LETTERS["an event in the bucket"][0]), attributes=False)
    rig.bucket.before = FailTimes("get", 1, error)
    rig.run_dry()
    assert (rig.ids(), rig.dead(), len(rig.queue)) == ([], [], 1)
    rig.clock.advance(rig.queue.visibility_timeout + 1)
    rig.run_dry()
    assert (rig.ids(), rig.dead(), len(rig.queue)) == (["large"], [], 0)


def test_an_event_that_is_too_large_still_is_a_dead_letter_again():
    rig = Rig(batch_max_rows=1)
    move(rig, add_dead_letters(rig, DEAD_LETTERS["an event in the bucket"][0]), attributes=False)
    rig.run_dry()
    (again,) = rig.dead()
    assert again.reason == reasons.TOO_LARGE
    assert json.loads(rig.bucket.objects[again.key].body)["meta"]["id"] == "large"


def test_an_event_of_a_source_that_looks_like_a_pointer_is_an_event():
    rig = Rig(batch_max_rows=1)
    body = json.loads(pointer_body("_sluice/dead/01a21509-0c9f-76aa-b615-00cf61fdfe41", b"x", {}))
    rig.send([pack([{**body, **event("pretender")}])])
    rig.run_dry()
    assert rig.ids() == ["pretender"]
