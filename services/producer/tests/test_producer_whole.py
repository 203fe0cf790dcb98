"""The whole producer in one process: a real HTTP source on loopback, SQS and S3 in memory."""

import json
import random
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from sluice_core import reasons, wire
from sluice_core.clock import SystemClock
from sluice_core.deadletter import A_DEAD_KEY, A_REASON
from sluice_core.errors import OwnershipError, PermanentError, TemporaryError
from sluice_core.settings import load_settings
from sluice_core.telemetry import serve_http
from sluice_core.testing import FakeS3, FakeSqs
from sluice_producer.app import Producer
from sluice_producer.checkpoint import Document
from sluice_producer.settings import ProducerSettings
from sluice_producer.source.connection import Resume
from sluice_producer.source.supervisor import Policy
from sluice_producer.stores import S3Store
from sluice_producer.testing import Answer, Request, SseServer, frame, make_runtime, wikimedia_id
from sluice_producer.tracker import parse_since
from sluice_producer.world import World, make_source

EQIAD = "eqiad.mediawiki.recentchange"
PATIENCE = 20.0


def change(n: int, **meta: object) -> str:
    fields = {
        "id": f"e{n}",
        "domain": "en.wikipedia.org",
        "dt": "2025-08-29T06:45:17Z",
        "topic": EQIAD,
        "partition": 0,
    }
    return json.dumps({"meta": fields | meta, "id": n, "title": f"Title {n}"})


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        pause.wait(0.01)


class Cloud:
    """SQS and S3, which outlive producers."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.queue, self.dlq, self.bucket = FakeSqs(clock), FakeSqs(clock, name="dlq"), FakeS3()

    @property
    def ids(self) -> list[str]:
        return [json.loads(event)["meta"]["id"] for event in self.events]

    @property
    def events(self) -> list[bytes]:
        found = []
        for message in list(self.queue.sent):
            attributes = {k: str(v) for k, v in message.attributes.items()}
            found += wire.decode(message.body, attributes, max_unpacked_bytes=2**24).events
        return found

    @property
    def checkpoint(self) -> Document:
        return msgspec.json.decode(self.bucket.objects["cp"].body, type=Document)


@pytest.fixture(autouse=True)
def _leave_no_producer() -> Iterator[None]:
    yield
    for running in Running.started:
        running.runtime.stop.force()
        running.join()
    Running.started.clear()


class Running:
    """A producer in a thread; `stop()` as SIGTERM does, giving what `run` raised."""

    started: ClassVar[list["Running"]] = []

    def __init__(self, cloud: Cloud, url: str, **environ: str) -> None:
        self.started.append(self)
        base = {
            "SLUICE_SOURCE_URL": url,
            "SLUICE_SOURCE_PRESET": "wikimedia",
            "SLUICE_SOURCE_NAME": "test",
            "SLUICE_PACK_MAX_AGE": "50ms",
            "SLUICE_SHUTDOWN_GRACE": "5s",
        }
        self.settings = load_settings(ProducerSettings, base | environ)
        self.runtime = make_runtime(
            SystemClock(), seed=random.randrange(2**32), wire=self.settings.wire
        )
        world = World(
            cloud.queue,
            cloud.dlq,
            cloud.bucket,
            S3Store(cloud.bucket, "cp"),
            make_source(self.settings, self.runtime.health),
            2**20,
        )
        self.producer = Producer(
            self.settings,
            world,
            self.runtime,
            owner=f"owner-{id(self)}",
            policy=Policy(base=0.02, cap=0.2, healthy=0.5),
        )
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.producer.run()
        except BaseException as error:  # noqa: BLE001  (asserted on)
            self.error = error

    def join(self) -> BaseException | None:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.error

    def stop(self) -> BaseException | None:
        self.runtime.stop.request()
        return self.join()

    def metric(self, name: str, **labels: str) -> float:
        return (
            self.runtime.metrics.registry.get_sample_value(f"sluice_producer_{name}", labels) or 0.0
        )


class Kafka:
    """EventStreams in small: one topic, resumed by `since` or Last-Event-ID; `cuts` end connections early."""

    def __init__(
        self, log: list[tuple[int, str]], cuts: list[int] | None = None, oldest: int = 0
    ) -> None:
        self.log, self.cuts, self.oldest = log, list(cuts or []), oldest
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        if "last-event-id" in request.headers:
            entries = json.loads(request.headers["last-event-id"])
            place = next(e["timestamp"] for e in entries if e["topic"] == EQIAD)
            assert all("offset" not in e for e in entries)
        else:
            place = parse_since(request.query["since"])
        if place < self.oldest:
            return Answer([b'{"message":"too old"}'], 400, content_type="application/json")
        first = next((n for n, (at, _) in enumerate(self.log) if at >= place), len(self.log))
        with self.lock:
            cut = self.cuts.pop(0) if self.cuts else None
        return Answer(self._frames(first, cut), hang=cut is None, cut=cut is not None)

    def _frames(self, first: int, cut: int | None) -> Iterator[bytes]:
        yield b":ok\n\n"
        last = len(self.log) if cut is None else min(len(self.log), first + cut)
        for at, data in self.log[first:last]:
            yield frame(data, sse_id=wikimedia_id(at))
        if cut is not None:
            yield b'event: message\nid: [{"topic":"x","timestamp":99999999999999}]\ndata: {"cut'


def log(count: int, *, disorder: bool = False) -> list[tuple[int, str]]:
    chance = random.Random(7)
    start = 1_756_449_917_000
    return [
        (start + 100 * n - (chance.randint(0, 3000) if disorder else 0), change(n))
        for n in range(count)
    ]


SINCE = "?since=2025-08-01T00:00:00Z"


def test_ids_in_are_ids_out() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(1000))) as server:
        running = Running(cloud, server.url + SINCE)
        until(lambda: len(cloud.ids) == 1000, "all events")
        assert running.stop() is None
    assert cloud.ids == [f"e{n}" for n in range(1000)]
    assert [e.decode() for e in cloud.events] == [data for _, data in log(1000)]
    (topic, _) = cloud.checkpoint.position.topics
    assert topic["timestamp"] == log(1000)[-1][0]
    assert [name for _, name in topic["ids"]] == ["e999"]
    assert running.metric("events_received_total") == 1000
    assert running.metric("events_sent_total") == 1000
    assert running.metric("buffered_events") == 0


def test_reconnects_where_offset_order_is_not_timestamp_order_lose_and_repeat_nothing() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(600, disorder=True), cuts=[7, 30, 1, 55, 20, 90, 3, 120])) as server:
        running = Running(cloud, server.url + SINCE)
        until(lambda: len(set(cloud.ids)) == 600, "all events")
        assert running.stop() is None
        assert len(server.requests) == 9
    assert sorted(cloud.ids) == sorted(f"e{n}" for n in range(600))
    assert running.metric("reconnects_total", cause="network") == 8
    assert running.metric("events_filtered_total", reason="duplicate") > 0


def test_clean_restarts_lose_and_repeat_nothing() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(400, disorder=True))) as server:
        for total in (90, 170, 311, 400):
            running = Running(
                cloud, server.url + SINCE, SLUICE_MAX_EVENTS=str(total - len(cloud.ids))
            )
            until(lambda total=total: len(cloud.ids) == total, "the part")
            assert running.stop() is None
    assert sorted(cloud.ids) == sorted(f"e{n}" for n in range(400))


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_crash_at_any_checkpoint_repeats_but_loses_nothing(kept: int) -> None:
    """The checkpoint that a killed producer left is any one of those that it wrote."""
    cloud = Cloud()
    versions = []
    put = cloud.bucket.put

    def remember(key: str, body: bytes, **options: object) -> str:
        etag = put(key, body, **options)  # type: ignore[arg-type]
        versions.append(cloud.bucket.objects[key])
        return etag

    cloud.bucket.put = remember  # type: ignore[method-assign,assignment]
    with SseServer(Kafka(log(300, disorder=True), cuts=[60, 60, 60])) as server:
        first = Running(cloud, server.url + SINCE, SLUICE_MAX_EVENTS="240")
        assert first.join() is None
        cloud.bucket.objects["cp"] = versions[min(kept, len(versions) - 1)]
        second = Running(cloud, server.url + SINCE)
        until(lambda: len(set(cloud.ids)) == 300, "all events")
        assert second.stop() is None
    assert set(cloud.ids) == {f"e{n}" for n in range(300)}


def test_the_first_checkpoint_is_there_before_the_first_connection() -> None:
    cloud = Cloud()
    seen = []

    def script(_request: Request) -> Answer:
        seen.append(cloud.checkpoint.position.started_at)
        return Answer([b":ok\n\n"], hang=True)

    before = int(time.time() * 1000)
    with SseServer(script) as server:
        running = Running(cloud, server.url)
        until(lambda: seen, "the first connection")
        assert before <= seen[0] <= time.time() * 1000
        assert parse_since(server.requests[0].query["since"]) == seen[0]
        assert running.stop() is None
        again = Running(cloud, server.url)
        until(lambda: len(seen) == 2, "the second connection")
        assert server.requests[1].query == server.requests[0].query
        assert again.stop() is None


def test_bad_input_is_followed_to_its_end(tmp_path: Path) -> None:
    cloud = Cloud()
    big = json.dumps({"x": "y" * 5000})
    huge = json.dumps({"x": random.Random(1).randbytes(1_000_000).hex()})
    inputs = [
        change(0),
        "no json",
        "[7]",
        big,
        change(1, domain="canary"),
        huge,
        change(2, dt=7, topic=None),
        "{}",
        "",
    ]
    at = 1_756_449_917_000
    frames = [frame(data, sse_id=wikimedia_id(at + n)) for n, data in enumerate(inputs)]
    ledger = tmp_path / "ledger"
    with SseServer(lambda _r: Answer(frames, hang=True)) as server:
        running = Running(
            cloud,
            server.url,
            SLUICE_MAX_EVENT_BYTES="4000",
            SLUICE_PACK_MAX_UNPACKED_BYTES="4MiB",
            SLUICE_LEDGER=ledger.as_uri(),
        )
        until(lambda: len(cloud.dlq.sent) == 4 and len(cloud.events) == 3, "all fates")
        assert running.stop() is None
    assert [e.decode() for e in cloud.events] == [inputs[0], inputs[6], "{}"]
    letters = [(m.body, m.attributes[A_REASON]) for m in cloud.dlq.sent]
    assert letters[:3] == [
        ("no json", reasons.NOT_JSON),
        ("[7]", reasons.NOT_OBJECT),
        (big, reasons.TOO_LARGE),
    ]
    key = str(cloud.dlq.sent[3].attributes[A_DEAD_KEY])
    assert cloud.bucket.objects[key].body.decode() == huge
    assert running.metric("events_filtered_total", reason="canary") == 1
    assert running.metric("events_filtered_total", reason="empty") == 1
    assert running.metric("events_dead_lettered_total", reason=reasons.TOO_LARGE) == 2
    states = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [line["state"] for line in states] == [
        "sent",
        "dead",
        "dead",
        "dead",
        "filtered",
        "dead",
        "sent",
        "sent",
        "filtered",
    ]
    assert [states[n]["id"] for n in (0, 4, 6)] == ["e0", "e1", "e2"]
    assert cloud.checkpoint.position.topics[0]["timestamp"] == at + len(inputs) - 1


def test_the_position_waits_for_the_dead_letter_queue() -> None:
    cloud = Cloud()

    def down(_action: str) -> None:
        raise TemporaryError("dlq down")

    cloud.dlq.before = down
    at = 1_756_449_917_000
    frames = [
        frame(d, sse_id=wikimedia_id(at + n)) for n, d in enumerate([change(0), "bad", change(1)])
    ]
    with SseServer(lambda _r: Answer(frames, hang=True)) as server:
        running = Running(cloud, server.url, SLUICE_PACK_MAX_EVENTS="1", SLUICE_SHUTDOWN_GRACE="1s")
        until(lambda: len(cloud.ids) == 2, "the good events")
        until(
            lambda: "dead-letter queue" in running.runtime.health.not_ready(), "readiness to tell"
        )
        assert running.stop() is None
        assert cloud.checkpoint.position.topics[0]["timestamp"] == at
        cloud.dlq.before = lambda _action: None
        again = Running(cloud, server.url, SLUICE_PACK_MAX_EVENTS="1")
        until(lambda: cloud.dlq.sent, "the dead letter")
        assert again.stop() is None
    assert [m.body for m in cloud.dlq.sent] == ["bad"]
    assert set(cloud.ids) == {"e0", "e1"}


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


def test_a_final_refusal_ends_the_process_in_order() -> None:
    cloud = Cloud()

    def script(request: Request) -> Answer:
        if request.number:
            return Answer([b"no contact in the user agent"], 403)
        return Answer([frame(change(0), sse_id=wikimedia_id(1000))], cut=True)

    with SseServer(script) as server:
        running = Running(cloud, server.url, SLUICE_PACK_MAX_AGE="60s")
        error = running.join()
    assert isinstance(error, PermanentError)
    assert "403" in str(error)
    assert cloud.ids == ["e0"]
    assert cloud.checkpoint.position.topics[0]["timestamp"] == 1000


def test_204_is_a_clean_end() -> None:
    cloud = Cloud()
    with SseServer(
        lambda r: Answer(status=204) if r.number else Answer([frame(change(0))])
    ) as server:
        assert Running(cloud, server.url).join() is None
    assert cloud.ids == ["e0"]


def test_wrong_credentials_for_the_queue_end_the_process() -> None:
    cloud = Cloud()

    def denied(_action: str) -> None:
        raise PermanentError("AccessDenied: check the policy")

    cloud.queue.before = denied
    with SseServer(Kafka(log(3))) as server:
        assert isinstance(Running(cloud, server.url + SINCE).join(), PermanentError)


def test_max_events_is_exact() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(500))) as server:
        running = Running(cloud, server.url + SINCE, SLUICE_MAX_EVENTS="123")
        assert running.join() is None
    assert cloud.ids == [f"e{n}" for n in range(123)]


@pytest.mark.parametrize("wire_name", ["packed", "plain"])
def test_a_generic_source_carries_its_ids_and_resumes_by_them(wire_name: str) -> None:
    cloud = Cloud()

    def script(request: Request) -> Answer:
        last = int(request.headers.get("last-event-id", "-1"))
        frames = [
            frame(f'{{"n":{n}}}', sse_id=str(n), event=None) for n in range(last + 1, last + 31)
        ]
        return Answer(frames if last < 80 else [], cut=request.number == 0, hang=request.number > 0)

    with SseServer(script) as server:
        environ = {"SLUICE_SOURCE_PRESET": "generic", "SLUICE_WIRE": wire_name}
        first = Running(cloud, server.url, **environ)
        until(lambda: len(cloud.events) == 60, "two connections")
        assert first.stop() is None
        second = Running(cloud, server.url, **environ)
        until(lambda: len(cloud.events) == 90, "the third")
        assert second.stop() is None
    found = {}
    for message in cloud.queue.sent:
        attributes = {k: str(v) for k, v in message.attributes.items()}
        got = wire.decode(message.body, attributes, max_unpacked_bytes=2**20)
        assert got.ids is not None
        found |= dict(zip(got.ids, got.events, strict=True))
    assert found == {str(n): b'{"n":%d}' % n for n in range(90)}
    assert cloud.checkpoint.position.last_event_id == "89"


def test_metrics_and_health_are_served() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(10))) as server:
        running = Running(cloud, server.url + SINCE)
        web = serve_http("127.0.0.1", 0, running.runtime.metrics.registry, running.runtime.health)
        until(
            lambda: len(cloud.ids) == 10 and running.metric("events_received_total") == 10,
            "the events",
        )

        def get(path: str) -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{web.port}{path}", timeout=5) as reply:
                return str(reply.read().decode())

        text = get("/metrics")
        for name in (
            "events_sent_total 10.0",
            "last_event_time_seconds 1.756449917e+09",
            "connected 1.0",
        ):
            assert f"sluice_producer_{name}" in text
        assert json.loads(get("/healthz")) == {"ok": True, "stuck": {}}
        assert json.loads(get("/readyz"))["ok"] is True
        assert running.stop() is None
        web.close()
    assert Resume().asks_for_history is False
