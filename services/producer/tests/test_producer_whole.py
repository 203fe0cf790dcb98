"""The whole producer: every id in is an id out, however it is interrupted, restarted or ended."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
from sluice_core import wire
from sluice_core.errors import PermanentError
from sluice_core.service.telemetry import serve_http
from sluice_core.testing import Answer, Request, SseServer
from sluice_core.wire.event_id import digest
from sluice_producer.source.connection import Resume
from sluice_producer.testing import frame, wikimedia_id
from sluice_producer.testing.whole import (
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


def test_ids_in_are_ids_out() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(1000))) as server:
        running = Running(cloud, server.url + SINCE)
        until(lambda: len(cloud.ids) == 1000, "all events")
        assert running.stop() is None
    assert cloud.ids == [f"e{n}" for n in range(1000)]
    assert sorted(e.decode() for e in cloud.events) == sorted(data for _, data in log(1000))
    (topic, _) = cloud.checkpoint.position.topics
    assert topic["timestamp"] == log(1000)[-1][0]
    assert [name for _, name in topic["ids"]] == ["e999"]
    assert running.metric("events_received_total") == 1000
    assert running.metric("events_sent_total") == 1000
    assert running.metric("buffered_events") == 0


def test_counts_are_told_while_a_pack_is_open_for_long() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(5))) as server:
        running = Running(cloud, server.url + SINCE, SLUICE_PACK_MAX_AGE="5m")
        until(lambda: running.metric("events_received_total") == 5, "the count")
        assert running.metric("last_event_time_seconds") > 0
        assert cloud.events == []
        assert running.stop() is None
    assert len(cloud.events) == 5


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


@pytest.mark.parametrize("rule", ["sse", "sha256"])
@pytest.mark.parametrize("wire_name", ["packed", "plain"])
def test_a_generic_source_carries_its_ids_and_resumes_by_them(wire_name: str, rule: str) -> None:
    cloud = Cloud()

    def script(request: Request) -> Answer:
        last = int(request.headers.get("last-event-id", "-1"))
        frames = [
            frame(f'{{"n":{n}}}', sse_id=str(n), event=None) for n in range(last + 1, last + 31)
        ]
        return Answer(frames if last < 80 else [], cut=request.number == 0, hang=request.number > 0)

    with SseServer(script) as server:
        environ = {
            "SLUICE_SOURCE_PRESET": "generic",
            "SLUICE_WIRE": wire_name,
            "SLUICE_EVENT_ID": rule,
        }
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
    sent = {str(n): b'{"n":%d}' % n for n in range(90)}
    assert found == {digest(e, n) if rule == "sha256" else n: e for n, e in sent.items()}
    assert cloud.checkpoint.position.last_event_id == "89"


def test_metrics_and_health_are_served() -> None:
    cloud = Cloud()
    with SseServer(Kafka(log(10))) as server:
        running = Running(cloud, server.url + SINCE)
        web = serve_http("127.0.0.1", 0, running.runtime.metrics.registry, running.runtime.health)
        until(
            lambda: (
                running.metric("events_received_total") == 10
                and running.metric("events_sent_total") == 10
            ),
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
