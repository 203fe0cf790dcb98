"""Dead letters back into the queue: nothing lost on the way, nothing doubled without need."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_cli.dlq.redrive import Choice, Redrive, Redriven
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import RefusedEntry
from sluice_core.deadletter import A_REASON, DeadLetter, DeadLetters
from sluice_core.errors import TemporaryError
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock, FakeS3, FakeSqs

EVENTS = [json.dumps({"meta": {"id": f"e{n}"}}).encode() for n in range(4)]
PACK = wire.encode_pack(EVENTS, source="s", ids=["e0", "e1", "e2", "e3"])


class World:
    """Queue, dead-letter queue and bucket in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.dlq = FakeSqs(self.clock, name="dlq")
        self.queue = FakeSqs(self.clock)
        self.bucket = FakeS3()

    def add_dead_letters(self, *dead_letters: DeadLetter) -> None:
        DeadLetters(self.dlq, self.bucket, stop=Stop(), clock=self.clock).send(dead_letters)

    def redrive(self, choice: Choice | None = None, *, dry: bool = False) -> Redriven:
        work = Redrive(self.dlq, self.queue, self.bucket, dry=dry, clock=self.clock, patience=1)
        return work.run(choice or Choice())

    def bodies(self) -> list[str]:
        return [message.body for message in self.queue.sent]


def _dead_letter(body: str, reason: str = reasons.BAD_EVENT) -> DeadLetter:
    return DeadLetter(body, reason, "why", source="s", pack_id="p", position=3)


def _pack_dead_letter(reason: str = reasons.BAD_ZSTD) -> DeadLetter:
    attributes = {name: str(value) for name, value in PACK.attributes.items()}
    return DeadLetter(
        PACK.body, reason, "why", "s", attributes[wire.A_PACK_ID], original=attributes
    )


def test_a_dry_run_changes_nothing() -> None:
    world = World()
    world.add_dead_letters(_dead_letter("{}"), _dead_letter('{"a":1}', reasons.TOO_LARGE))
    done = world.redrive(dry=True)
    assert done.sent == {reasons.BAD_EVENT: 1, reasons.TOO_LARGE: 1}
    assert world.bodies() == []
    assert world.dlq.attributes().visible == 2
    assert done.to_dict(dry=True)["sent"] == {reasons.BAD_EVENT: 1, reasons.TOO_LARGE: 1}


def test_an_event_goes_back_as_a_plain_message() -> None:
    world = World()
    world.add_dead_letters(_dead_letter('{"a":1}'))
    world.redrive()
    assert world.queue.sent == [OutMessage('{"a":1}', {wire.A_SOURCE: "s"})]
    assert len(world.dlq) == 0


def test_a_whole_message_goes_back_with_its_wire_attributes() -> None:
    world = World()
    world.add_dead_letters(_pack_dead_letter())
    done = world.redrive()
    assert world.queue.sent == [PACK]
    assert done.events == 4


def test_what_the_redrive_policy_moved_goes_back_as_it_was() -> None:
    world = World()
    pack = wire.encode_pack(EVENTS, source="s", ids=["a", "b", "c", "d"], carry_ids=True)
    world.dlq.put_message(pack)
    world.redrive()
    assert world.queue.sent == [pack]


def test_a_large_body_comes_from_the_bucket_and_leaves_it() -> None:
    world = World()
    body = json.dumps({"pad": "x" * 1_048_300})
    world.add_dead_letters(DeadLetter(body, reasons.TOO_LARGE, "d" * 400, source="s"))
    assert len(world.bucket.objects) == 1
    world.redrive()
    assert world.bodies() == [body]
    assert world.bucket.objects == {}
    assert len(world.dlq) == 0


def test_a_body_too_large_for_the_queue_stays_and_says_so() -> None:
    world = World()
    world.add_dead_letters(DeadLetter("x" * 1_100_000, reasons.TOO_LARGE, "d"), _dead_letter("{}"))
    done = world.redrive()
    assert world.bodies() == ["{}"]
    assert list(done.stays.values()) == [
        "1,100,000 bytes are more than the queue takes (1,048,576)"
    ]
    assert len(world.dlq) == len(world.bucket.objects) == 1
    assert world.dlq.attributes().visible == 1


def test_a_body_that_is_gone_stays() -> None:
    world = World()
    world.add_dead_letters(DeadLetter("x" * 1_100_000, reasons.TOO_LARGE, "d"))
    world.bucket.objects.clear()
    assert "its body is gone" in next(iter(world.redrive().stays.values()))
    assert len(world.dlq) == 1


def test_only_what_the_queue_accepted_is_deleted() -> None:
    world = World()
    world.add_dead_letters(*(_dead_letter(f'{{"n":{n}}}') for n in range(25)))
    world.queue.refuse = lambda action, index, message: (
        RefusedEntry(index, "Throttled", "slow down", permanent=False)
        if action == "send" and index % 3 == 0
        else None
    )
    done = world.redrive()
    left = {message.body for _ in range(3) for message in world.dlq.receive(visibility=60)}
    assert left.isdisjoint(world.bodies())
    assert len(left) + len(world.bodies()) == 25
    assert len(done.stays) == len(left)
    assert "Throttled: slow down" in next(iter(done.stays.values()))


def test_a_lost_reply_deletes_nothing() -> None:
    world = World()
    world.add_dead_letters(_dead_letter("{}"))

    def lose(action: str) -> None:
        if action == "send":
            raise TemporaryError("reply lost")

    world.queue.after = lose
    with pytest.raises(TemporaryError):
        world.redrive()
    assert world.dlq.attributes().visible == 1


def test_a_dead_letter_that_cannot_be_deleted_is_named_and_keeps_its_body() -> None:
    world = World()
    world.add_dead_letters(DeadLetter("x" * 1_048_300, reasons.TOO_LARGE, "d" * 400))
    world.dlq.refuse = lambda action, index, message: (
        RefusedEntry(index, "InternalError", "", permanent=False) if action == "delete" else None
    )
    done = world.redrive()
    assert len(done.undeleted) == len(world.bucket.objects) == len(world.dlq) == 1


def test_dead_letters_that_come_straight_back_are_not_sent_twice() -> None:
    world = World()
    world.add_dead_letters(*(_dead_letter(f'{{"n":{n}}}') for n in range(15)))

    def refuse_again(action: str) -> None:
        while action == "send" and (messages := world.queue.receive()):
            world.add_dead_letters(*(_dead_letter(message.body) for message in messages))
            world.queue.delete([message.receipt_handle for message in messages])

    world.queue.after = refuse_again
    done = world.redrive()
    assert done.sent.total() == 15
    assert len(world.queue.sent) == 15
    assert len(world.dlq) == 15


def test_dead_letters_whose_events_are_rows_already_must_be_named() -> None:
    world = World()
    world.add_dead_letters(_pack_dead_letter(reasons.HASH_MISMATCH), _dead_letter("{}"))
    done = world.redrive()
    assert (done.sent.total(), done.stored_already) == (1, 1)
    assert world.redrive(Choice(reason=reasons.HASH_MISMATCH)).sent.total() == 1


@given(
    picks=st.lists(st.sampled_from([reasons.BAD_EVENT, reasons.NOT_JSON]), max_size=25),
    limit=st.none() | st.integers(1, 30),
)
def test_reason_and_limit(picks: list[str], limit: int | None) -> None:
    world = World()
    world.add_dead_letters(
        *(_dead_letter(f"{n} {reason}", reason) for n, reason in enumerate(picks))
    )
    done = world.redrive(Choice(reason=reasons.NOT_JSON, limit=limit))
    there = picks.count(reasons.NOT_JSON)
    assert done.sent.total() == (there if limit is None else min(limit, there))
    assert all(reasons.NOT_JSON in body for body in world.bodies())
    assert len(world.bodies()) + len(world.dlq) == len(picks)
    assert world.dlq.attributes().visible == len(world.dlq)


def test_by_message_id() -> None:
    world = World()
    world.add_dead_letters(_dead_letter("a"), _dead_letter("b"))
    done = world.redrive(Choice(message_id="m1"))
    assert (done.sent.total(), world.bodies()) == (1, ["b"])


def test_a_strangers_attributes_travel_too() -> None:
    world = World()
    world.dlq.put_message(OutMessage("hello", {"theirs": "x", A_REASON: reasons.NOT_JSON}))
    world.redrive()
    assert world.queue.sent == [OutMessage("hello", {"theirs": "x"})]
