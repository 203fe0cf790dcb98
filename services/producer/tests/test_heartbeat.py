"""Heartbeats on their way out: messages of their own, in no account of events."""

import pytest
from sluice_core import wire
from sluice_core.aws.sqs import RefusedEntry
from sluice_core.errors import ConfigError
from sluice_core.service.stop import Stop
from sluice_core.settings import load_settings
from sluice_core.testing import FakeClock, SseServer
from sluice_producer.pack.packer import Outbox
from sluice_producer.send.heartbeat import Heartbeat
from sluice_producer.settings import ProducerSettings
from sluice_producer.testing import make_runtime
from sluice_producer.testing.whole import SINCE, Cloud, Kafka, Running, log, stop_all, until


@pytest.fixture(autouse=True)
def _leave_no_producer():
    yield
    stop_all()


class Beats:
    """The stage over a clock that moves when told."""

    def __init__(self):
        self.clock = FakeClock()
        self.runtime = make_runtime(self.clock)
        self.outbox = Outbox()
        self.stage = Heartbeat(self.outbox, self.runtime, seconds=60)

    def made(self):
        self.stage.step()
        return self.outbox.take(10)

    def accepted(self, pack):
        pack.group.waiting = 0


def test_the_first_comes_at_once_and_then_one_each_interval():
    beats = Beats()
    (first,) = beats.made()
    assert first.heartbeat == beats.clock.now()
    beats.accepted(first)
    beats.clock.advance(59)
    assert beats.made() == []
    assert beats.stage.due_in() == pytest.approx(1)
    beats.clock.advance(1)
    (second,) = beats.made()
    assert second.heartbeat == pytest.approx(first.heartbeat + 60)


def test_there_is_no_second_while_one_waits_and_none_after_a_stop():
    beats = Beats()
    (first,) = beats.made()
    beats.clock.advance(600)
    assert beats.made() == []
    beats.accepted(first)
    beats.clock.advance(60)
    (second,) = beats.made()
    beats.accepted(second)
    beats.clock.advance(60)
    assert isinstance(beats.runtime.stop, Stop)
    beats.runtime.stop.request()
    assert beats.made() == []


@pytest.mark.parametrize("wire_of", ["packed", "plain"])
def test_events_and_checkpoint_know_nothing_of_heartbeats(wire_of):
    cloud = Cloud()
    with SseServer(Kafka(log(300))) as server:
        running = Running(cloud, server.url + SINCE, SLUICE_HEARTBEAT="1s", SLUICE_WIRE=wire_of)
        until(lambda: len(cloud.ids) == 300, "all events")
        until(lambda: running.metric("heartbeats_sent_total") >= 2, "two heartbeats")
        assert running.stop() is None
    beats = [m for m in cloud.queue.sent if wire.A_HEARTBEAT in m.attributes]
    assert len(beats) == running.metric("heartbeats_sent_total")
    assert cloud.ids == [f"e{n}" for n in range(300)]
    assert running.metric("events_received_total") == 300 == running.metric("events_sent_total")
    assert running.metric("messages_sent_total", wire=wire_of) == len(cloud.queue.sent)
    assert running.metric("buffered_events") == 0
    (topic, _) = cloud.checkpoint.position.topics
    assert topic["timestamp"] == log(300)[-1][0]


def test_one_that_the_queue_refuses_for_good_is_no_dead_letter_and_not_in_the_way():
    cloud = Cloud()
    cloud.queue.refuse = lambda action, index, message: (
        RefusedEntry(index, "InvalidMessageContents", "no", permanent=True)
        if action == "send" and wire.A_HEARTBEAT in message.attributes
        else None
    )
    with SseServer(Kafka(log(50))) as server:
        running = Running(cloud, server.url + SINCE, SLUICE_HEARTBEAT="1s")
        until(lambda: len(cloud.ids) == 50, "all events")
        assert running.stop() is None
    assert cloud.dlq.sent == []
    assert running.metric("heartbeats_sent_total") == 0


def test_none_is_sent_unless_asked_for():
    given = {"SLUICE_USER_AGENT": "x (a@b.example)"}
    assert load_settings(ProducerSettings, given).heartbeat == 0
    with pytest.raises(ConfigError, match=r"SLUICE_HEARTBEAT.*at least 1s"):
        load_settings(ProducerSettings, given | {"SLUICE_HEARTBEAT": "200ms"})
