"""How far behind the source: by the time that an event says, whatever its source, and no number where it says none."""

import json
import math
import time
from collections.abc import Iterator

import pytest
from sluice_core.testing import Answer, SseServer
from sluice_producer.testing import frame
from sluice_producer.testing.whole import Cloud, Running, stop_all, until


@pytest.fixture(autouse=True)
def _leave_no_producer() -> Iterator[None]:
    yield
    stop_all()


def read(events: list[object], **environ: str) -> Running:
    """A producer that has sent these events of a generic source."""
    cloud = Cloud()
    frames = [frame(json.dumps(event)) for event in events]
    with SseServer(lambda _r: Answer(frames, hang=True)) as server:
        running = Running(cloud, server.url, SLUICE_SOURCE_PRESET="generic", **environ)
        until(lambda: len(cloud.events) == len(events), "the events")
        assert running.stop() is None
    return running


@pytest.mark.parametrize("wire", ["packed", "plain"])
@pytest.mark.parametrize("name", ["time", "timestamp", "created_at", "ts"])
def test_a_generic_source_has_a_lag(name: str, wire: str) -> None:
    before = time.time()
    running = read([{"n": 1}, {name: int(before) - 600}], SLUICE_WIRE=wire)
    assert 600 <= running.metric("stream_lag_seconds") <= 601 + time.time() - before
    assert running.metric("last_event_time_seconds") == int(before) - 600
    assert running.metric("stream_delay_seconds_count") == 1


def test_the_setting_names_the_path() -> None:
    events = [{"time": 5_000_000_000, "edit": {"at": "2023-11-14T22:13:20Z"}}]
    running = read(events, SLUICE_EVENT_TIME="edit.at")
    assert running.metric("last_event_time_seconds") == 1_700_000_000


def test_without_a_time_the_lag_is_no_number() -> None:
    running = read([{"n": 1}, {"time": "soon"}])
    assert math.isnan(running.metric("stream_lag_seconds"))
    assert math.isnan(running.metric("last_event_time_seconds"))
    assert running.metric("stream_delay_seconds_count") == 0
