"""A whole producer on streams of others: types, control frames, equal payloads, ids of every kind."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sluice_core import wire
from sluice_core.testing import Answer, SseServer
from sluice_core.wire.event_id import digest
from sluice_producer.testing import frame, wikimedia_id
from sluice_producer.testing.whole import SINCE, Cloud, Running, stop_all, until


@pytest.fixture(autouse=True)
def _leave_no_producer() -> Iterator[None]:
    yield
    stop_all()


def told(cloud: Cloud) -> list[tuple[str | None, str, str | None, bytes]]:
    """(carried id, type, SSE id, event) of all that was sent, sorted by event."""
    found = []
    for message in cloud.queue.sent:
        attributes = {k: str(v) for k, v in message.attributes.items()}
        got = wire.decode(message.body, attributes, max_unpacked_bytes=2**20)
        assert got.problems == []
        count = len(got.events)
        found += zip(
            got.ids or [None] * count,
            got.types or ["message"] * count,
            got.sse_ids or [None] * count,
            got.events,
            strict=True,
        )
    return sorted(found, key=lambda entry: entry[3])


@pytest.mark.parametrize("wire_name", ["packed", "plain"])
def test_types_travel_and_control_frames_are_filtered(wire_name: str, tmp_path: Path) -> None:
    cloud = Cloud()
    ledger = tmp_path / "ledger"
    frames = [
        frame('"hello"', event="open"),
        frame('{"id":"1"}', event="update"),
        frame("ping", event="heartbeat"),
        frame('{"id":"2"}', sse_id="s2", event="delete"),
        frame('{"id":"3"}', event=None),
        frame("no json", event="update"),
    ]
    with SseServer(lambda _r: Answer(frames, hang=True)) as server:
        running = Running(
            cloud,
            server.url,
            SLUICE_SOURCE_PRESET="generic",
            SLUICE_WIRE=wire_name,
            SLUICE_SOURCE_EVENTS="update,delete",
            SLUICE_EVENT_ID="id",
            SLUICE_LEDGER=ledger.as_uri(),
        )
        until(lambda: len(cloud.events) == 2 and cloud.dlq.sent, "two events and a dead letter")
        assert running.stop() is None
    assert told(cloud) == [
        ("1", "update", None, b'{"id":"1"}'),
        ("2", "delete", "s2", b'{"id":"2"}'),
    ]
    assert running.metric("events_filtered_total", reason="type") == 3
    assert running.metric("events_without_id_total") == 0
    (dead_letter,) = cloud.dlq.sent
    assert dead_letter.body == "no json"
    assert dead_letter.attributes[wire.A_EVENT_TYPE] == "update"
    assert dead_letter.attributes[wire.A_FIRST_ID] == digest(b"no json")
    states = [json.loads(line) for line in ledger.read_text().splitlines()[1:]]
    assert [(entry["id"], entry["state"]) for entry in states] == [
        (digest(b'"hello"'), "filtered"),
        ("1", "sent"),
        (digest(b"ping"), "filtered"),
        ("2", "sent"),
        ("3", "filtered"),
        (digest(b"no json"), "dead"),
    ]


@pytest.mark.parametrize("rule", ["", "sse", "id"])
def test_equal_payloads_that_a_source_sends_on_purpose_are_as_many_events(rule: str) -> None:
    cloud = Cloud()
    frames = [frame('{"id":"1"}', sse_id="7")] * 3 + [frame('{"temperature":21}', event=None)] * 3
    with SseServer(lambda _r: Answer(frames, hang=True)) as server:
        running = Running(cloud, server.url, SLUICE_SOURCE_PRESET="generic", SLUICE_EVENT_ID=rule)
        until(lambda: len(cloud.events) == 6, "all six")
        assert running.stop() is None
    assert Counter(cloud.events) == {b'{"id":"1"}': 3, b'{"temperature":21}': 3}
    assert running.metric("events_filtered_total", reason="duplicate") == 0
    assert running.metric("events_without_id_total") == (3 if rule else 0)


def test_equal_payloads_without_meta_id_on_a_wikimedia_stream_too() -> None:
    """Dropped is what a resume repeats, never what one connection gives twice in the same millisecond."""
    cloud = Cloud()
    same = frame('{"temperature":21}', sse_id=wikimedia_id(1_756_449_917_000))
    answers = [Answer([same] * 3, cut=True), Answer([same] * 4, hang=True)]
    with SseServer(lambda request: answers[min(request.number, 1)]) as server:
        running = Running(cloud, server.url + SINCE)
        until(lambda: len(cloud.events) == 4, "all four")
        assert running.stop() is None
    assert running.metric("events_filtered_total", reason="duplicate") == 3
    assert len(cloud.events) == 4


@pytest.mark.parametrize("wire_name", ["packed", "plain"])
def test_ids_that_no_line_or_attribute_holds_come_through(wire_name: str, tmp_path: Path) -> None:
    cloud = Cloud()
    ids = ["a\nb", "tab\t", "nul\x00", "\uffff", "é" * 3000, "-", "\\u0041", " ", "x" * 2048]
    frames = [frame(json.dumps({"id": name, "meta": {"id": "all the same"}})) for name in ids]
    ledger = tmp_path / "ledger"
    with SseServer(lambda _r: Answer(frames, hang=True)) as server:
        running = Running(
            cloud,
            server.url,
            SLUICE_SOURCE_PRESET="generic",
            SLUICE_WIRE=wire_name,
            SLUICE_EVENT_ID="id",
            SLUICE_LEDGER=ledger.as_uri(),
        )
        until(lambda: len(cloud.events) == len(ids), "all events")
        assert running.stop() is None
    assert {json.loads(e)["id"]: i for i, _, _, e in told(cloud)} == {i: i for i in ids}
    assert [json.loads(line)["id"] for line in ledger.read_text().splitlines()[1:]] == ids
