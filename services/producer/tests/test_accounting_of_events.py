"""Every event received is accounted for, and how full the queues are is told as far as it is known."""

import math
import threading
from collections.abc import Iterator

import pytest
from sluice_core.aws.messages import OutMessage
from sluice_core.errors import AccessDeniedError, TemporaryError
from sluice_core.service.clock import SystemClock
from sluice_core.testing import Answer, FakeClock, FakeSqs, SseServer
from sluice_producer.metrics import DEAD_LETTER, DROP_REASONS, MAIN, QUEUES
from sluice_producer.send.watch import SECONDS, QueueWatch
from sluice_producer.testing import frame, make_runtime, wikimedia_id
from sluice_producer.testing.whole import Cloud, Running, change, stop_all, until


@pytest.fixture(autouse=True)
def _leave_no_producer() -> Iterator[None]:
    yield
    stop_all()


def fates(running: Running) -> tuple[float, ...]:
    """Events received, sent, filtered, dead-lettered, buffered."""
    dead = ("not-json", "not-object", "too-large", "refused-by-queue")
    return (
        running.metric("events_received_total"),
        running.metric("events_sent_total"),
        sum(running.metric("events_filtered_total", reason=reason) for reason in DROP_REASONS),
        sum(running.metric("events_dead_lettered_total", reason=reason) for reason in dead),
        running.metric("buffered_events"),
    )


def test_received_is_sent_and_filtered_and_dead_and_buffered_while_the_dead_letter_queue_is_away() -> (
    None
):
    cloud = Cloud()
    down = threading.Event()
    down.set()

    def fault(action: str) -> None:
        if action == "send" and down.is_set():
            raise TemporaryError("the dead-letter queue is away")

    cloud.dlq.before = fault
    inputs = [change(0), "no json", change(1, domain="canary"), "[7]", change(2), change(3)]
    frames = [
        frame(data, sse_id=wikimedia_id(1_756_449_917_000 + n)) for n, data in enumerate(inputs)
    ]
    with SseServer(lambda _r: Answer(frames, hang=True)) as server:
        running = Running(cloud, server.url)
        until(lambda: fates(running) == (6, 3, 1, 0, 2), "what waits to be buffered")
        assert running.metric("dead_letters_waiting") == 2
        assert running.metric("last_dead_letter_timestamp_seconds") == 0
        down.clear()
        until(lambda: fates(running) == (6, 3, 1, 2, 0), "all to be accepted")
        assert running.metric("dead_letters_waiting") == 0
        age = SystemClock().now() - running.metric("last_dead_letter_timestamp_seconds")
        assert 0 <= age < 60


def message() -> OutMessage:
    return OutMessage("{}")


class Watch:
    """A watch over two queues, looked at by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.queue = FakeSqs(self.clock)
        self.dead = FakeSqs(self.clock, name="dead", retention=1_209_600)
        self.runtime = make_runtime(self.clock)
        self.watch = QueueWatch({MAIN: self.queue, DEAD_LETTER: self.dead}, self.runtime)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.runtime.metrics.registry.get_sample_value(f"sluice_producer_{name}", labels)

    def messages(self, queue: str) -> list[float | None]:
        return [
            self.metric("queue_messages", queue=queue, state=state)
            for state in ("visible", "in-flight", "delayed")
        ]


def test_how_full_the_queues_are_is_unknown_until_it_was_asked() -> None:
    rig = Watch()
    assert all(number is not None and math.isnan(number) for number in rig.messages(MAIN))
    for _ in range(3):
        rig.queue.put_message(message())
    rig.queue.receive(max_messages=1)
    rig.dead.put_message(message())
    rig.watch.act()
    assert rig.messages(MAIN) == [2, 1, 0]
    assert rig.messages(DEAD_LETTER) == [1, 0, 0]
    assert rig.metric("queue_retention_seconds", queue=DEAD_LETTER) == 1_209_600
    for queue in QUEUES:
        assert rig.metric("queue_looks_total", queue=queue, result="ok") == 1


@pytest.mark.parametrize("error", [TemporaryError("away"), AccessDeniedError("not allowed")])
def test_a_queue_that_cannot_be_asked_is_unknown_and_stops_nothing(error: Exception) -> None:
    rig = Watch()
    rig.dead.put_message(message())
    rig.watch.act()

    def fault(_action: str) -> None:
        raise error

    rig.dead.before = fault
    rig.watch.act()
    assert all(number is not None and math.isnan(number) for number in rig.messages(DEAD_LETTER))
    assert rig.messages(MAIN) == [0, 0, 0]
    assert rig.metric("queue_looks_total", queue=DEAD_LETTER, result="failed") == 1
    assert rig.metric("queue_looks_total", queue=MAIN, result="failed") == 0
    assert rig.metric("queue_looks_total", queue=MAIN, result="ok") == 2
    rig.dead.before = lambda _action: None
    rig.watch.act()
    assert rig.messages(DEAD_LETTER) == [1, 0, 0]


def test_it_asks_once_a_minute() -> None:
    rig = Watch()
    began = rig.clock.monotonic()
    asked: list[float] = []
    rig.queue.before = lambda _action: asked.append(rig.clock.monotonic() - began)
    while len(asked) < 3:
        assert not rig.watch.step()
        assert not rig.watch.step()
        rig.clock.advance(rig.watch.due_in() or 0.0)
    assert asked == [0, SECONDS, 2 * SECONDS]
