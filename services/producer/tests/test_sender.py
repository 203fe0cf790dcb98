"""Sending: partial failures, outages, permanent refusals, dead letters; every event has one fate."""

import json
import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import RefusedEntry
from sluice_core.deadletter import A_REASON, DeadLetters
from sluice_core.errors import AccessDeniedError, MissingResourceError, TemporaryError
from sluice_core.testing import FakeClock, FakeS3, FakeSqs, work_off
from sluice_producer.pack.dead_events import DeadEvents
from sluice_producer.pack.encoder import Encoder
from sluice_producer.pack.packer import Outbox, Packer, PackLimits
from sluice_producer.progress.acks import SENT, AckGroup, Acks, EventRecord
from sluice_producer.progress.position import NOWHERE
from sluice_producer.send.sender import Sender
from sluice_producer.testing import make_runtime


class Line:
    """A packer, a sender and a dead_events over fakes; `run` works it all off in this thread."""

    def __init__(
        self, *, events: int = 3, plain: bool = False, limit: int = 2**20, seed: int = 1
    ) -> None:
        self.clock = FakeClock()
        self.runtime = make_runtime(self.clock)
        self.queue = FakeSqs(self.clock)
        self.dlq = FakeSqs(self.clock, name="dlq")
        self.bucket = FakeS3()
        self.settled: list[AckGroup] = []
        self.acks = Acks(self.settled.extend, room=2**40)
        self.outbox = Outbox()
        dead_letters = DeadLetters(
            self.dlq, self.bucket, stop=self.runtime.stop, clock=self.clock, rng=random.Random(seed)
        )
        self.dead_events = DeadEvents(dead_letters, self.acks, self.runtime, source="s")
        self.packer = Packer(
            PackLimits(events, 65_536, 2**24, 5.0), self.acks, self.clock, plain=plain
        )
        self.encoder = Encoder("s", plain, 65_536, limit)
        self.sender = Sender(
            "sender-0",
            self.queue,
            self.encoder,
            outbox=self.outbox,
            acks=self.acks,
            dead_events=self.dead_events,
            runtime=self.runtime,
            rng=random.Random(seed),
        )

    def feed(self, count: int, body: Callable[[int], bytes] = lambda n: b'{"n":%d}' % n) -> None:
        for n in range(count):
            for pack in self.packer.add(body(n), EventRecord(f"id{n}", "", NOWHERE, SENT)):
                self.outbox.put(pack)
        last = self.packer.flush()
        if last:
            self.outbox.put(last)

    def run(self) -> "Line":
        work_off(self.sender)
        work_off(self.dead_events.outbox)
        return self

    def events(self) -> list[str]:
        found = []
        for message in self.queue.sent:
            attributes = {k: str(v) for k, v in message.attributes.items()}
            got = wire.decode(message.body, attributes, max_unpacked_bytes=2**24)
            found += [event.decode() for event in got.events]
        return found

    def dead(self) -> list[tuple[str, str]]:
        return [(m.body, str(m.attributes[A_REASON])) for m in self.dlq.sent]

    def settled_ids(self) -> list[str]:
        return [m.event_id for u in self.settled for m in u.records]

    def metric(self, name: str, **labels: str) -> float:
        return (
            self.runtime.metrics.registry.get_sample_value(f"sluice_producer_{name}", labels) or 0.0
        )


def numbered(count: int) -> list[str]:
    return [f'{{"n":{n}}}' for n in range(count)]


@pytest.mark.parametrize("plain", [False, True])
def test_everything_arrives_in_order_and_is_settled(plain: bool) -> None:
    line = Line(plain=plain)
    line.feed(100)
    line.run()
    assert line.events() == numbered(100)
    assert line.settled_ids() == [f"id{n}" for n in range(100)]
    assert line.metric("events_sent_total") == 100
    assert line.metric("messages_sent_total", wire="packed") == (100 if plain else 34)
    assert line.acks.idle


def test_one_call_takes_ten_messages() -> None:
    line = Line(events=1)
    calls = []
    line.queue.before = calls.append
    line.feed(25)
    line.run()
    assert calls == ["send"] * 3


def test_only_the_failed_entries_are_retried() -> None:
    line = Line(events=1)
    tries: dict[str, int] = {}

    def refuse(_action: str, index: int, message: OutMessage | None) -> RefusedEntry | None:
        assert message is not None
        first = str(message.attributes[wire.A_FIRST_ID])
        tries[first] = tries.get(first, 0) + 1
        bad = first in ("id3", "id7") and tries[first] < 3
        return RefusedEntry(index, "InternalError", "", permanent=False) if bad else None

    line.queue.refuse = refuse
    line.feed(10)
    line.run()
    assert {name: count for name, count in tries.items() if count > 1} == {"id3": 3, "id7": 3}
    assert sorted(line.events()) == sorted(numbered(10))
    assert line.settled_ids() == [f"id{n}" for n in range(10)]
    assert line.metric("send_failures_total", kind="entry") == 4


def test_the_prefix_waits_for_the_failed_entry() -> None:
    line = Line(events=1)
    seen = []

    def refuse(_action: str, index: int, message: OutMessage | None) -> RefusedEntry | None:
        assert message is not None
        if message.attributes[wire.A_FIRST_ID] == "id0" and len(seen) < 2:
            seen.append(list(line.settled))
            return RefusedEntry(index, "InternalError", "", permanent=False)
        return None

    line.queue.refuse = refuse
    line.feed(4)
    line.run()
    assert seen == [[], []]
    assert line.settled_ids() == ["id0", "id1", "id2", "id3"]


@pytest.mark.parametrize("error", [TemporaryError("down"), MissingResourceError("no such queue")])
def test_an_outage_of_hours_loses_nothing_and_readiness_tells(error: Exception) -> None:
    line = Line()
    until = line.clock.monotonic() + 7200
    told = []

    def down(_action: str) -> None:
        if line.clock.monotonic() < until:
            told.append(line.runtime.health.not_ready().get("queue"))
            raise error

    line.queue.before = down
    line.feed(30)
    line.run()
    assert line.events() == numbered(30)
    assert line.settled_ids() == [f"id{n}" for n in range(30)]
    assert told[-1] == str(error)
    assert "queue" not in line.runtime.health.not_ready()
    assert len(told) > 7200 / 30


def test_a_named_delay_is_kept() -> None:
    line = Line()
    failing = iter([TemporaryError("slow down", delay=40.0)])

    def down(_action: str) -> None:
        for error in failing:
            raise error

    line.queue.before = down
    started = line.clock.monotonic()
    line.feed(3)
    line.run()
    assert line.clock.monotonic() - started >= 40


def test_a_lost_reply_sends_twice_and_settles_once() -> None:
    line = Line()
    failing = iter([TemporaryError("connection reset")])

    def lost(_action: str) -> None:
        for error in failing:
            raise error

    line.queue.after = lost
    line.feed(3)
    line.run()
    assert line.events() == numbered(3) * 2
    assert line.settled_ids() == ["id0", "id1", "id2"]


def test_what_sqs_never_accepts_becomes_dead_letters_one_an_event() -> None:
    line = Line(events=3)

    def refuse(_action: str, index: int, message: OutMessage | None) -> RefusedEntry | None:
        assert message is not None
        bad = message.attributes[wire.A_FIRST_ID] == "id3"
        return RefusedEntry(index, "InvalidMessageContents", "no", permanent=True) if bad else None

    line.queue.refuse = refuse
    line.feed(9)
    line.run()
    assert line.dead() == [(f'{{"n":{n}}}', reasons.REFUSED_BY_QUEUE) for n in (3, 4, 5)]
    assert line.events() == [e for n, e in enumerate(numbered(9)) if n not in (3, 4, 5)]
    assert line.settled_ids() == [f"id{n}" for n in range(9)]
    assert [sorted(u.dead) for u in line.settled] == [[], ["id3", "id4", "id5"], []]


def test_an_event_that_fits_no_message_is_a_dead_letter_in_the_bucket() -> None:
    line = Line(events=2, limit=2000)
    large = json.dumps({"x": random.Random(1).randbytes(4000).hex()}).encode()
    line.feed(3, lambda n: large if n == 1 else b'{"n":%d}' % n)
    line.run()
    assert line.events() == ['{"n":0}', '{"n":2}']
    assert [reason for _, reason in line.dead()] == [reasons.TOO_LARGE]
    assert line.dead()[0][0] == large.decode()
    assert line.settled_ids() == ["id0", "id1", "id2"]


def test_the_unit_waits_for_the_dead_letter_queue() -> None:
    line = Line(events=1)
    line.queue.refuse = lambda _a, index, _m: RefusedEntry(index, "Invalid", "", permanent=True)
    line.feed(1)
    work_off(line.sender)
    assert line.settled == []
    failures = iter([TemporaryError("dlq down")] * 3)

    def down(_action: str) -> None:
        assert line.settled == []
        for error in failures:
            raise error

    line.dlq.before = down
    work_off(line.dead_events.outbox)
    assert line.settled_ids() == ["id0"]


def test_wrong_credentials_stop_the_sender() -> None:
    line = Line()

    def denied(_action: str) -> None:
        raise AccessDeniedError("check the policy")

    line.queue.before = denied
    line.feed(3)
    with pytest.raises(AccessDeniedError):
        line.run()
    assert line.settled == []


def test_a_forced_stop_leaves_at_once_and_settles_nothing() -> None:
    line = Line()

    def down(_action: str) -> None:
        line.runtime.stop.force()
        raise TemporaryError("down")

    line.queue.before = down
    line.feed(3)
    line.run()
    assert line.settled == []
    assert line.events() == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([1, 3, 10]), st.booleans())
def test_any_mixture_of_faults_gives_each_event_one_fate_at_least(
    seed: int, count: int, events: int, plain: bool
) -> None:
    line = Line(events=events, plain=plain, seed=seed)
    chance = random.Random(seed)
    kinds = [None, None, False, True]

    def refuse(_action: str, index: int, _message: OutMessage | None) -> RefusedEntry | None:
        kind = chance.choice(kinds)
        return None if kind is None else RefusedEntry(index, "X", "", permanent=kind)

    def fail(_action: str) -> None:
        if chance.random() < 0.3:
            raise TemporaryError("x")

    line.queue.refuse = refuse
    line.queue.before = line.queue.after = line.dlq.before = fail
    line.feed(count)
    line.run()
    found = line.events() + [body for body, _ in line.dead()]
    assert set(found) == set(numbered(count))
    assert line.settled_ids() == [f"id{n}" for n in range(count)]
    assert line.acks.idle


def test_two_senders_share_the_outbox() -> None:
    line = Line(events=1)
    second = Sender(
        "sender-1",
        line.queue,
        line.encoder,
        outbox=line.outbox,
        acks=line.acks,
        dead_events=line.dead_events,
        runtime=line.runtime,
        rng=random.Random(2),
    )
    line.feed(500)
    thread = threading.Thread(target=work_off, args=[second])
    thread.start()
    line.run()
    thread.join(10)
    assert sorted(line.events()) == sorted(numbered(500))
    assert line.settled_ids() == [f"id{n}" for n in range(500)]
