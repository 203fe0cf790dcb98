"""Generated events: the same for a seed, as odd as the real ones, in Kafka's order."""

import json
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_local.events import OTHER_TOPIC, TOPIC, TOPICS, EventStream

START = 1_795_458_434_000
COUNT = 4000


@pytest.fixture(scope="module")
def events() -> list[dict]:
    stream = EventStream(7, START, 25)
    return [json.loads(stream.event(n)) for n in range(COUNT)]


def test_the_same_seed_gives_the_same_bytes():
    one, two = EventStream(7, START, 25), EventStream(7, START, 25)
    assert [one.event(n) for n in range(300)] == [two.event(n) for n in reversed(range(300))][::-1]
    assert one.event(0) != EventStream(8, START, 25).event(0)


def test_ids_depend_on_seed_and_number_only():
    early, late = EventStream(7, START, 25), EventStream(7, START + 10**7, 0.1)
    assert [early.event_id(n) for n in range(100)] == [late.event_id(n) for n in range(100)]


def test_ids_are_distinct_and_in_the_event(events):
    stream = EventStream(7, START, 25)
    assert [event["meta"]["id"] for event in events] == [stream.event_id(n) for n in range(COUNT)]
    assert len({event["meta"]["id"] for event in events}) == COUNT


def test_all_types_and_at_least_22_wikis(events):
    types = Counter(event["type"] for event in events)
    assert set(types) == {"edit", "new", "log", "categorize"}
    assert min(types.values()) > COUNT / 100
    assert len({event["wiki"] for event in events} - {"canary"}) >= 22


def test_oddities_of_the_real_stream(events):
    logs = [event for event in events if event["type"] == "log"]
    assert {type(event["log_params"]) for event in logs} == {dict, list, str, type(None)}
    assert any(event["log_params"] == [] for event in logs)
    assert any(event["log_params"] == "" for event in logs)
    assert any("id" not in event for event in logs)
    assert any(event.get("id", 0) is None for event in events)
    assert any("user" not in event for event in events)
    assert all("old" not in event["length"] for event in events if event["type"] == "new")
    comments = [event.get("comment", "") for event in events]
    assert any(len(comment) > 400 for comment in comments)
    assert any("\n" in comment for comment in comments)


def test_line_separators_are_raw_and_lines_are_lines():
    stream = EventStream(7, START, 25)
    raw = b"\n".join(stream.event(n) for n in range(COUNT))
    assert raw.count(b"\n") == COUNT - 1
    assert "\u2028".encode() in raw
    assert "\u0085".encode() in raw


def test_canaries_are_the_other_topics(events):
    for n, event in enumerate(events):
        canary = event["meta"]["domain"] == "canary"
        assert canary == (event["meta"]["topic"] == OTHER_TOPIC)
        assert canary == EventStream(7, START, 25).is_canary(n)
    assert sum(event["meta"]["domain"] == "canary" for event in events) == COUNT // 601


def test_offsets_rise_by_one_in_each_topic_and_lead_back(events):
    stream = EventStream(7, START, 25)
    for topic in TOPICS:
        mine = [
            (n, e["meta"]["offset"]) for n, e in enumerate(events) if e["meta"]["topic"] == topic
        ]
        assert [b - a for (_, a), (_, b) in pairwise(mine)] == [1] * (len(mine) - 1)
        assert all(stream.number(topic, offset) == n for n, offset in mine)


def test_timestamps_are_out_of_order_as_in_the_real_stream():
    stream = EventStream(7, START, 25)
    times = [stream.timestamp(n) for n in range(COUNT)]
    falls = sum(b < a for a, b in pairwise(times))
    assert COUNT * 0.1 < falls < COUNT * 0.5
    newest, latest = times[0], 0
    for at in times:
        newest = max(newest, at)
        latest = max(latest, newest - at)
    assert 5_000 < latest <= 20_200


def test_meta_dt_is_the_kafka_timestamp(events):
    stream = EventStream(7, START, 25)
    assert events[0]["meta"]["dt"] == "2026-11-23T18:27:14.000Z"
    for n in range(50):
        assert events[n]["timestamp"] == stream.timestamp(n) // 1000
        assert events[n]["meta"]["dt"].endswith(f".{stream.timestamp(n) % 1000:03d}Z")


@given(
    seed=st.integers(-1000, 1000),
    interval=st.sampled_from([0.1, 1, 25, 400.5]),
    ahead=st.integers(-30_000, 60_000),
    topic=st.sampled_from(TOPICS),
)
def test_first_at_is_kafkas_offsets_for_times(seed, interval, ahead, topic):
    stream, end = EventStream(seed, START, interval), 1500
    asked = START + ahead
    expected = next(
        (n for n in range(end) if stream.topic(n) == topic and stream.timestamp(n) >= asked), end
    )
    assert stream.first_at(asked, topic, end) == expected


def test_the_first_event_is_exactly_at_the_start():
    assert EventStream(3, START, 0.1).first_at(START, TOPIC, None) == 0


def test_an_interval_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        EventStream(0, START, 0)
