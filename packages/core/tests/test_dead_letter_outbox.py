"""The outbox of dead letters: let go only when accepted, kept whatever the queue says."""

import random

import pytest
from sluice_core.aws.sqs import Refused
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.deadletter.outbox import PART, DeadLetterOutbox
from sluice_core.errors import TemporaryError
from sluice_core.service.retry import Stopped
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health
from sluice_core.testing import FakeClock, FakeS3, FakeSqs


class Desk:
    def __init__(self):
        self.clock = FakeClock()
        self.queue, self.stop = FakeSqs(self.clock), Stop()
        self.runtime = Runtime(self.stop, self.clock, random.Random(1), Health(self.clock), None)
        self.counted, self.accepted = {}, []
        letters = DeadLetters(
            self.queue, FakeS3(), stop=self.stop, clock=self.clock, rng=random.Random(2)
        )
        self.outbox = DeadLetterOutbox(letters, self.runtime, count=self.counted.update)

    def put(self, *bodies):
        letters = [DeadLetter(body, "not-json", "why") for body in bodies]
        self.outbox.put(letters, lambda: self.accepted.append(bodies))

    @property
    def arrived(self):
        return [message.body for message in self.queue.sent]


def test_each_job_is_let_go_of_once_when_all_its_letters_are_accepted():
    desk = Desk()
    desk.put("a", "b")
    desk.put("c")
    assert desk.accepted == []
    assert desk.outbox.step()
    assert not desk.outbox.step()
    assert desk.arrived == ["a", "b", "c"]
    assert desk.accepted == [("a", "b"), ("c",)]
    assert desk.counted == {"not-json": 3}
    assert len(desk.outbox) == 0


def test_what_is_refused_for_good_is_kept_said_and_sent_after_a_repair():
    desk = Desk()
    broken = [True]
    desk.queue.refuse = lambda action, index, message: (
        Refused(index, "AccessDenied", "policy", permanent=True) if broken[0] else None
    )
    desk.put("a")
    assert desk.outbox.step()
    assert desk.accepted == []
    assert not desk.outbox.has_room
    assert PART in desk.runtime.health.not_ready()
    broken[0] = False
    assert desk.outbox.step()
    assert desk.arrived == ["a"]
    assert desk.accepted == [("a",)]
    assert desk.outbox.has_room
    assert PART not in desk.runtime.health.not_ready()


def test_a_forced_stop_lets_go_of_nothing():
    desk = Desk()

    def away(action):
        desk.stop.force()
        raise TemporaryError("away")

    desk.queue.before = away
    desk.put("a")
    with pytest.raises(Stopped):
        desk.outbox.step()
    assert desk.accepted == []
    assert len(desk.outbox) == 1
