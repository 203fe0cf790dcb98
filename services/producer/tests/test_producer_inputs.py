"""The whole producer: its first second, bad input followed to its end."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sluice_core import reasons
from sluice_core.deadletter import A_DEAD_KEY, A_REASON
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.testing import Answer, Request, SseServer
from sluice_producer.progress.tracker import parse_since
from sluice_producer.testing import frame, wikimedia_id
from sluice_producer.testing.whole import (
    Cloud,
    Running,
    change,
    stop_all,
    until,
)


@pytest.fixture(autouse=True)
def _leave_no_producer() -> Iterator[None]:
    yield
    stop_all()


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
    assert sorted(e.decode() for e in cloud.events) == sorted([inputs[0], inputs[6], "{}"])
    dead_letters = [(m.body, m.attributes[A_REASON]) for m in cloud.dlq.sent]
    assert dead_letters[:3] == [
        ("no json", reasons.NOT_JSON),
        ("[7]", reasons.NOT_OBJECT),
        (big, reasons.TOO_LARGE),
    ]
    key = str(cloud.dlq.sent[3].attributes[A_DEAD_KEY])
    assert cloud.bucket.objects[key].body.decode() == huge
    assert running.metric("events_filtered_total", reason="canary") == 1
    assert running.metric("events_filtered_total", reason="empty") == 1
    assert running.metric("events_dead_lettered_total", reason=reasons.TOO_LARGE) == 2
    states = [json.loads(line) for line in ledger.read_text().splitlines()[1:]]
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


def test_a_canary_that_comes_again_is_counted_once_and_what_is_dropped_stands_in_the_ledger(
    tmp_path: Path,
) -> None:
    """After a cut the source repeats what has the last timestamp: a canary among it is no second canary.

    What comes twice in one connection is no repetition: two events that share an id are two rows.
    """
    cloud = Cloud()
    at = wikimedia_id(1_756_449_917_000)
    canary = change(1, domain="canary")
    first = [frame(data, sse_id=at) for data in (change(0), canary)]
    second = [frame(data, sse_id=at) for data in (change(0), canary, change(2), change(2, dt="x"))]
    answers = iter([Answer(first), Answer(second, hang=True)])
    ledger = tmp_path / "ledger"
    with SseServer(lambda _r: next(answers)) as server:
        running = Running(cloud, server.url, SLUICE_LEDGER=ledger.as_uri())
        until(lambda: len(cloud.events) == 3, "the end")
        assert running.stop() is None
    assert running.metric("events_filtered_total", reason="canary") == 1
    assert running.metric("events_filtered_total", reason="duplicate") == 2
    assert cloud.ids == ["e0", "e2", "e2"]
    told = [json.loads(line) for line in ledger.read_text().splitlines()[1:]]
    assert sorted((entry["id"], entry["state"]) for entry in told) == [
        ("e0", "repeated"),
        ("e0", "sent"),
        ("e1", "filtered"),
        ("e1", "repeated"),
        ("e2", "sent"),
        ("e2", "sent"),
    ]
    digests = {name: {e["digest"] for e in told if e["id"] == name} for name in ("e0", "e1", "e2")}
    assert [len(digests[name]) for name in ("e0", "e1", "e2")] == [1, 1, 2]


@pytest.mark.parametrize("sse_id", ["\f1", "\v1"])
def test_an_id_that_fits_into_no_header_is_a_gap_and_no_end_also_after_a_restart(
    sse_id: str,
) -> None:
    cloud = Cloud()
    sent, most = 0, 0

    def script(_request: Request) -> Answer:
        """An event a connection; then quiet, so that no stop meets one on its way: nobody could ask for it."""
        nonlocal sent
        if sent == most:
            return Answer([b":quiet\n\n"], hang=True)
        sent += 1
        return Answer([frame(f'{{"n":{sent}}}', sse_id=sse_id)], cut=True)

    with SseServer(script) as server:
        for most in (3, 6):
            running = Running(cloud, server.url, SLUICE_SOURCE_PRESET="generic")
            until(lambda: len(cloud.events) == sent == most, "events of several connections")  # noqa: B023
            assert running.metric("resume_gaps_total") >= 1
            assert running.stop() is None
        assert all("last-event-id" not in request.headers for request in server.requests)
    assert sorted(json.loads(event)["n"] for event in cloud.events) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "error", [TemporaryError("dlq down"), PermanentError("refused by its policy")]
)
def test_the_position_waits_for_the_dead_letter_queue_whatever_it_says(error: Exception) -> None:
    cloud = Cloud()

    def down(_action: str) -> None:
        raise error

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
