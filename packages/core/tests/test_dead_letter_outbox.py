"""The outbox of dead letters: let go only when accepted, kept whatever the queue says."""

import random

import pytest
from sluice_core.aws.sqs import RefusedEntry
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.deadletter.outbox import PART, DeadLetterOutbox
from sluice_core.errors import TemporaryError
from sluice_core.service.retry import Stopped
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health
from sluice_core.testing import FakeClock, FakeS3, FakeSqs


class Rig:
    def __init__(self):
        self.clock = FakeClock()
        self.queue, self.stop = FakeSqs(self.clock), Stop()
        self.runtime = Runtime(self.stop, self.clock, random.Random(1), Health(self.clock), None)
        self.counted, self.accepted = {}, []
        dead_letters = DeadLetters(
            self.queue, FakeS3(), stop=self.stop, clock=self.clock, rng=random.Random(2)
        )
        self.outbox = DeadLetterOutbox(dead_letters, self.runtime, count=self.counted.update)

    def put(self, *bodies):
        dead_letters = [DeadLetter(body, "not-json", "why") for body in bodies]
        self.outbox.put(dead_letters, lambda: self.accepted.append(bodies))

    @property
    def arrived(self):
        return [message.body for message in self.queue.sent]


def test_each_job_is_let_go_of_once_when_all_its_dead_letters_are_accepted():
    rig = Rig()
    rig.put("a", "b")
    rig.put("c")
    assert rig.accepted == []
    assert rig.outbox.step()
    assert not rig.outbox.step()
    assert rig.arrived == ["a", "b", "c"]
    assert rig.accepted == [("a", "b"), ("c",)]
    assert rig.counted == {"not-json": 3}
    assert len(rig.outbox) == 0


def test_what_is_refused_for_good_is_kept_said_and_sent_after_a_repair():
    rig = Rig()
    broken = [True]
    rig.queue.refuse = lambda action, index, message: (
        RefusedEntry(index, "AccessDenied", "policy", permanent=True) if broken[0] else None
    )
    rig.put("a")
    assert rig.outbox.step()
    assert rig.accepted == []
    assert not rig.outbox.has_room
    assert PART in rig.runtime.health.not_ready()
    broken[0] = False
    assert rig.outbox.step()
    assert rig.arrived == ["a"]
    assert rig.accepted == [("a",)]
    assert rig.outbox.has_room
    assert PART not in rig.runtime.health.not_ready()


def test_a_forced_stop_lets_go_of_nothing():
    rig = Rig()

    def away(action):
        rig.stop.force()
        raise TemporaryError("away")

    rig.queue.before = away
    rig.put("a")
    with pytest.raises(Stopped):
        rig.outbox.step()
    assert rig.accepted == []
    assert len(rig.outbox) == 1
