"""The whole producer: stops, outages, a frozen twin, a checkpoint that is too old."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
from sluice_core.errors import OwnershipError, TemporaryError
from sluice_core.testing import Answer, Request, SseServer
from sluice_producer.progress.tracker import parse_since
from sluice_producer.testing import frame, wikimedia_id
from sluice_producer.testing.whole import (
    PATIENCE,
    SINCE,
    Cloud,
    Kafka,
    Running,
    change,
    log,
    stop_all,
    until,
)


@pytest.fixture(autouse=True)
def _leave_no_producer() -> Iterator[None]:
    yield
    stop_all()


def test_a_stop_in_a_silent_stream_is_quick() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(3))) as server:
        running = Running(cloud, server.url + SINCE, SLUICE_PACK_MAX_AGE="60s")
        until(
            lambda: (
                running.runtime.metrics.registry.get_sample_value("sluice_producer_connected") == 1
            ),
            "a connection",
        )
        until(lambda: running.producer._runtime.health.not_ready() == {}, "readiness")
        until(lambda: running.metric("events_received_total") == 3, "the events")
        assert cloud.ids == []
        started = time.monotonic()
        assert running.stop() is None
        assert time.monotonic() - started < 5
    assert cloud.ids == ["e0", "e1", "e2"]
    assert cloud.checkpoint.position.topics[0]["timestamp"] == log(3)[-1][0]


def test_a_stop_while_connecting_is_quick() -> None:
    """A server that accepts and never answers: the reader is left behind."""
    cloud = Cloud()
    asked = threading.Event()

    def script(_request: Request) -> Answer:
        asked.set()
        server.closing.wait()
        return Answer()

    with SseServer(script) as server:
        running = Running(cloud, server.url)
        assert asked.wait(PATIENCE)
        started = time.monotonic()
        assert running.stop() is None
        assert time.monotonic() - started < 8


def test_sqs_down_stops_the_reading_and_keeps_what_is_held() -> None:
    cloud = Cloud()
    down = threading.Event()
    down.set()

    def fault(_action: str) -> None:
        if down.is_set():
            raise TemporaryError("SQS is down")

    cloud.queue.before = fault
    events = [(1_756_449_917_000 + n, change(n, pad="x" * 2000)) for n in range(3000)]
    with SseServer(Kafka(events)) as server:
        running = Running(cloud, server.url + SINCE, SLUICE_BUFFER_MAX_BYTES="1MiB")
        until(lambda: running.metric("paused") == 1, "the reading to pause")
        until(lambda: "queue" in running.runtime.health.not_ready(), "readiness to tell")
        assert running.runtime.health.stuck() == {}
        assert 300 < running.metric("buffered_events") < 700
        down.clear()
        until(lambda: len(cloud.ids) == 3000, "all events")
        assert running.stop() is None
        assert "queue" not in running.runtime.health.not_ready()
    assert sorted(cloud.ids) == sorted(f"e{n}" for n in range(3000))


def test_a_stop_while_sqs_is_down_ends_within_the_grace_period_and_loses_nothing() -> None:
    cloud = Cloud()

    def fault(_action: str) -> None:
        raise TemporaryError("SQS is down")

    cloud.queue.before = fault
    with SseServer(Kafka(log(50))) as server:
        running = Running(cloud, server.url + SINCE, SLUICE_SHUTDOWN_GRACE="1s")
        until(lambda: "queue" in running.runtime.health.not_ready(), "the outage")
        assert running.stop() is None
        assert cloud.checkpoint.position.topics == []
        cloud.queue.before = lambda _action: None
        again = Running(cloud, server.url + SINCE)
        until(lambda: len(cloud.ids) == 50, "all events")
        assert again.stop() is None
    assert cloud.ids == [f"e{n}" for n in range(50)]


def test_s3_down_while_sqs_works() -> None:
    cloud = Cloud()
    more = threading.Event()

    def frames() -> Iterator[bytes]:
        for n in range(20):
            yield frame(change(n), sse_id=wikimedia_id(1_756_449_917_000 + n))
        more.wait(PATIENCE)
        for n in range(20, 40):
            yield frame(change(n), sse_id=wikimedia_id(1_756_449_917_000 + n))

    def down(action: str) -> None:
        if action == "put":
            raise TemporaryError("S3 is down")

    with SseServer(lambda _r: Answer(frames(), hang=True)) as server:
        running = Running(cloud, server.url, SLUICE_CHECKPOINT_MAX_AGE="2s")
        until(lambda: running.metric("connected") == 1, "the connection")
        cloud.bucket.before = down
        until(lambda: len(cloud.ids) == 20, "sending without S3")
        until(lambda: running.metric("paused") == 1, "the reading to pause")
        assert running.metric("checkpoint_age_seconds") >= 2
        more.set()
        cloud.bucket.before = lambda _action: None
        until(lambda: len(cloud.ids) == 40, "the rest")
        assert running.stop() is None
    assert cloud.ids == [f"e{n}" for n in range(40)]


def test_a_frozen_producer_that_wakes_up_late_leaves_the_checkpoint_alone() -> None:
    cloud = Cloud()
    wake = threading.Event()

    def frames() -> Iterator[bytes]:
        yield frame(change(0), sse_id=wikimedia_id(1000))
        wake.wait(PATIENCE)
        yield frame(change(1), sse_id=wikimedia_id(2000))

    with (
        SseServer(lambda _r: Answer(frames(), hang=True)) as slow,
        SseServer(Kafka(log(5))) as server,
    ):
        frozen = Running(cloud, slow.url)
        until(lambda: cloud.ids == ["e0"], "its first event")
        fresh = Running(cloud, server.url)
        until(lambda: cloud.checkpoint.generation == 2, "the successor")
        wake.set()
        assert isinstance(frozen.join(), OwnershipError)
        assert cloud.checkpoint.generation == 2
        assert fresh.stop() is None


def test_a_checkpoint_that_is_too_old_takes_the_oldest_there_is_and_tells() -> None:
    cloud = Cloud()
    now = int(time.time() * 1000)
    day = 86_400_000
    events = [(now - 10 * day + n * day, change(n)) for n in range(10)]
    with SseServer(Kafka(events[:3])) as server:
        old = Running(cloud, f"{server.url}?since={now - 11 * day}")
        until(lambda: len(cloud.ids) == 3, "the old events")
        assert old.stop() is None
    with SseServer(Kafka(events, oldest=now - 5 * day - day // 2)) as server:
        running = Running(cloud, server.url)
        until(lambda: len(cloud.ids) == 8, "what is left")
        assert running.metric("resume_gaps_total") == 1
        assert running.metric("resume_gap_seconds_total") == pytest.approx(2.5 * 86_400, abs=200)
        assert running.stop() is None
    assert cloud.ids == ["e0", "e1", "e2", "e5", "e6", "e7", "e8", "e9"]
    codfw = next(t for t in cloud.checkpoint.position.topics if t["topic"].startswith("codfw"))
    assert codfw["timestamp"] is None
    assert cloud.checkpoint.position.started_at >= now - 5 * day - day // 2


def test_a_silent_topic_whose_place_is_too_old_is_no_gap() -> None:
    """The other datacenter's topic was never read: its place is the start, longer ago than the source keeps."""
    cloud = Cloud()
    now = int(time.time() * 1000)
    day = 86_400_000
    events = [(now - 9 * day + n * day, change(n)) for n in range(9)]

    def script(request: Request) -> Answer:
        entries = json.loads(request.headers.get("last-event-id", "[]"))
        asked = [entry["timestamp"] for entry in entries]
        if request.number:
            asked += [parse_since(since) for since in [request.query.get("since")] if since]
        return (
            Answer([b"too old"], 400)
            if min(asked, default=now) < now - 5 * day
            else Kafka(events)(request)
        )

    with SseServer(script) as server:
        first = Running(cloud, f"{server.url}?since={now - 20 * day}")
        until(lambda: len(cloud.ids) == 9, "all events")
        assert first.stop() is None
        second = Running(cloud, server.url)
        until(lambda: second.metric("connected") == 1, "the connection")
        assert second.metric("resume_gaps_total") == 0
        assert second.stop() is None
    assert cloud.ids == [f"e{n}" for n in range(9)]
