"""The place to resume from, on real positions where offset order is not timestamp order."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.errors import PermanentError
from sluice_core.service.retry import Stopped
from sluice_producer.progress.position import MAX_IDS, NOWHERE, Position, PositionReader, Window
from sluice_producer.progress.tracker import (
    TrackerState,
    WikimediaTracker,
    parse_since,
)
from sluice_producer.source.connection import Resume
from sluice_producer.testing import wikimedia_id
from structlog.testing import capture_logs

EQIAD, CODFW = "eqiad.mediawiki.recentchange", "codfw.mediawiki.recentchange"

# (offset, Kafka timestamp in ms): nine consecutive events of Wikimedia's recentchange, 2025-08-29.
REAL = [
    (5891112553, 1756449917001),
    (5891112554, 1756449916993),
    (5891112555, 1756449917035),
    (5891112556, 1756449917038),
    (5891112557, 1756449917052),
    (5891112558, 1756449917106),
    (5891112559, 1756449917115),
    (5891112560, 1756449917224),
    (5891112561, 1756449917280),
]


def make(
    state: TrackerState | None = None, *, rewind: int = 0, start: int = 0, now: float = 2e9
) -> tuple[WikimediaTracker, list[tuple[int | None, int | None]]]:
    gaps: list[tuple[int | None, int | None]] = []
    tracker = WikimediaTracker(
        state or TrackerState(start),
        lambda a, b: gaps.append((a, b)),
        rewind=rewind,
        now=lambda: now,
    )
    return tracker, gaps


def read(tracker: WikimediaTracker, events: list[tuple[int, int]], topic: str = EQIAD) -> None:
    reader = PositionReader()
    for offset, timestamp in events:
        sse_id = wikimedia_id(timestamp, topic, CODFW if topic == EQIAD else EQIAD)
        tracker.advance(str(offset), sse_id, reader.read(sse_id, topic, 0))


def entries(resume: Resume) -> dict[str, int]:
    asked = json.loads(resume.headers["Last-Event-ID"])
    assert all(
        set(entry) == {"topic", "partition", "timestamp"} for entry in asked
    )  # never an offset
    return {entry["topic"]: entry["timestamp"] for entry in asked}


def kafka(log: list[tuple[int, int]], timestamp: int) -> list[tuple[int, int]]:
    """Kafka's answer: from the first offset whose timestamp is at least that."""
    first = next((i for i, (_, at) in enumerate(log) if at >= timestamp), len(log))
    return log[first:]


def resumed(log: list[tuple[int, int]], cut: int, rewind: int = 0) -> tuple[set[str], list[str]]:
    """Reads `cut` events, restarts from the state, reads on: (all ids read, ids read twice)."""
    tracker, _ = make(rewind=rewind)
    read(tracker, log[:cut])
    again, _ = make(tracker.state(), rewind=rewind)
    ids = {str(offset) for offset, _ in log[:cut]}
    twice = []
    for offset, _ in kafka(log, entries(again.resume())[EQIAD]):
        if not again.seen(str(offset)):
            if str(offset) in ids:
                twice.append(str(offset))
            ids.add(str(offset))
    return ids, twice


@pytest.mark.parametrize("cut", range(1, len(REAL) + 1))
@pytest.mark.parametrize("rewind", [0, 20, 10_000])
def test_every_cut_of_the_real_positions_loses_and_repeats_nothing(cut: int, rewind: int) -> None:
    ids, twice = resumed(REAL, cut, rewind)
    assert ids == {str(offset) for offset, _ in REAL}
    assert twice == []


def test_the_source_s_own_resume_would_lose_an_event_here() -> None:
    """The reason for all this: after the first event, Last-Event-ID is its timestamp + 1."""
    lost = set(REAL[1:]) - set(kafka(REAL, REAL[0][1] + 1))
    assert lost == {REAL[1]}


@given(
    st.lists(st.integers(-25_000, 25_000), min_size=1, max_size=60),
    st.integers(0, 2**32),
    st.sampled_from([0, 30_000]),
)
def test_no_order_of_timestamps_loses_or_repeats_an_event(
    jitter: list[int], seed: int, rewind: int
) -> None:
    log = [(n, 1_700_000_000_000 + 1000 * (n // 3) + late) for n, late in enumerate(jitter)]
    cut = random.Random(seed).randint(1, len(log))
    ids, twice = resumed(log, cut, rewind)
    assert ids == {str(n) for n in range(len(log))}
    assert twice == []


def test_the_position_is_the_maximum_not_the_last() -> None:
    tracker, _ = make()
    read(tracker, [(1, 50_000), (2, 30_000)])  # the last is 20 s late
    assert entries(tracker.resume())[EQIAD] == 50_000
    assert tracker.seen("1")
    assert tracker.seen("2")


def test_events_with_equal_timestamps_are_all_remembered() -> None:
    tracker, _ = make()
    read(tracker, [(1, 49_999), (2, 50_000), (3, 50_000), (4, 50_000)])
    tracker.resume()
    assert [tracker.seen(str(n)) for n in (1, 2, 3, 4)] == [False, True, True, True]


def test_only_what_a_resume_repeats_is_known_and_as_often_as_it_was_read() -> None:
    tracker, _ = make()
    position = Position((EQIAD, 0), 50_000, ((EQIAD, 0),))
    for _ in range(2):
        assert not tracker.seen("equal"), "what the source sends twice is two events"
        tracker.advance("equal", "", position)
    for _ in range(2):
        tracker.resume()
        assert [tracker.seen("equal") for _ in range(3)] == [True, True, False]
    restored, _ = make(tracker.state())
    restored.resume()
    assert [restored.seen("equal") for _ in range(3)] == [True, True, False]
    later = Position((EQIAD, 0), 60_000, ((EQIAD, 0),))
    tracker.advance("equal", "", later)
    tracker.resume()
    assert [tracker.seen("equal") for _ in range(2)] == [True, False]


def test_rewind_moves_the_place_back_and_keeps_the_ids_between() -> None:
    tracker, _ = make(rewind=10_000)
    read(tracker, [(1, 10_000), (2, 45_000), (3, 50_000)])
    assert entries(tracker.resume())[EQIAD] == 40_000
    assert [tracker.seen(str(n)) for n in (1, 2, 3)] == [False, True, True]


def test_first_start_asks_since_and_a_topic_never_read_takes_the_start_time() -> None:
    tracker, _ = make(start=1_700_000_000_123)
    assert tracker.resume() == Resume(params={"since": "2023-11-14T22:13:20.123Z"})
    read(tracker, [(1, 1_700_000_005_000)])
    assert entries(tracker.resume()) == {EQIAD: 1_700_000_005_000, CODFW: 1_700_000_000_123}


def test_a_topic_that_was_read_once_keeps_its_last_good_timestamp() -> None:
    tracker, _ = make(start=1000)
    read(tracker, [(1, 50_000)], CODFW)
    read(tracker, [(2, 90_000)], EQIAD)  # its id says offset -1 for codfw
    assert entries(tracker.resume()) == {CODFW: 50_000, EQIAD: 90_000}


def test_ids_with_offsets_after_a_resume_by_timestamp_do_not_move_the_other_topic() -> None:
    tracker, _ = make(start=1000)
    sse_id = json.dumps(
        [
            {"topic": EQIAD, "partition": 0, "timestamp": 7001},
            {"topic": CODFW, "partition": 0, "offset": 4711},
        ]
    )
    tracker.advance("a", sse_id, PositionReader().read(sse_id, EQIAD, 0))
    assert entries(tracker.resume()) == {EQIAD: 7000, CODFW: 1000}


def test_topics_never_read_survive_a_restart() -> None:
    tracker, _ = make(start=1000)
    read(tracker, [(1, 50_000)])
    again, _ = make(tracker.state())
    assert entries(again.resume()) == {EQIAD: 50_000, CODFW: 1000}


@pytest.mark.parametrize(
    "sse_id", ["", "x", "{}", "7", "[7]", '[{"topic":1}]', '[{"partition":0}]', "[" * 5000]
)
def test_an_id_that_is_no_position_moves_nothing(sse_id: str) -> None:
    assert PositionReader().read(sse_id, EQIAD, 0) == NOWHERE


def test_own_topic_is_found_by_meta_or_else_by_the_newest_timestamp() -> None:
    sse_id = json.dumps(
        [
            {"topic": EQIAD, "partition": 0, "timestamp": 11},
            {"topic": CODFW, "partition": 0, "timestamp": 21},
        ]
    )
    topics = ((EQIAD, 0), (CODFW, 0))
    reader = PositionReader()
    assert reader.read(sse_id, EQIAD, 0) == Position((EQIAD, 0), 10, topics)
    assert reader.read(sse_id, None, 0) == Position((CODFW, 0), 20, topics)
    assert reader.read(sse_id, "other", 0).topics is reader.read(sse_id, None, 0).topics


def test_ids_are_bounded_when_the_source_s_clock_was_wrong() -> None:
    window = Window(0)
    window.advance(10**13, "future")
    gone = [i for n in range(MAX_IDS + 5) for i in window.advance(1000 + n, str(n))]
    assert len(window.recent) == MAX_IDS
    assert gone == ["future", "0", "1", "2", "3", "4"]
    assert window.resume_at == 10**13


# What the source no longer has.


def test_too_old_takes_the_oldest_that_the_source_still_has() -> None:
    now, oldest = 2_000_000_000.0, 1_999_000_000_000
    tracker, gaps = make(start=1_990_000_000_000, now=now)
    read(tracker, [(1, 1_990_000_100_000)])
    probes = []

    def probe(resume: Resume) -> bool:
        probes.append(resume)
        return parse_since(resume.params["since"]) >= oldest

    tracker.too_old(probe)
    place = entries(tracker.resume())
    assert place[EQIAD] == place[CODFW]
    assert oldest <= place[EQIAD] <= oldest + 60_000
    assert gaps == [(1_990_000_100_000, place[EQIAD])]
    assert len(probes) < 25
    assert tracker.state().started_at == place[EQIAD]


def test_a_source_that_refuses_even_the_present_is_final() -> None:
    tracker, gaps = make(start=1_990_000_000_000)
    with pytest.raises(PermanentError):
        tracker.too_old(lambda _resume: False)
    assert gaps == []


def test_a_stop_during_the_search_gives_nothing_up() -> None:
    tracker, gaps = make(start=1_990_000_000_000)
    answers = iter([True, False])

    def probe(_resume: Resume) -> bool:
        try:
            return next(answers)
        except StopIteration:
            raise Stopped from None

    with pytest.raises(Stopped):
        tracker.too_old(probe)
    assert tracker.state().started_at == 1_990_000_000_000
    assert gaps == []


# Generic sources.


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2025-08-29T06:45:17.001Z", 1756449917001),
        ("2025-08-29T06:45:17Z", 1756449917000),
        ("2025-08-29T06:45:17", 1756449917000),
        ("1756449917", 1756449917000),
        ("1756449917001", 1756449917001),
    ],
)
def test_since_as_eventstreams_takes_it(text: str, milliseconds: int) -> None:
    assert parse_since(text) == milliseconds


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "٣"])
def test_a_since_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_since(text)


def offset_id(*entries: tuple[str, int]) -> str:
    return json.dumps([{"topic": t, "partition": 0, "offset": o} for t, o in entries])


def asked_for(tracker: WikimediaTracker) -> list[dict[str, object]]:
    return json.loads(tracker.resume().headers["Last-Event-ID"])


def test_ids_with_offsets_only_resume_by_offset_also_after_a_restart():
    tracker, gaps = make(start=1_000_000_000_000)
    reader = PositionReader()
    for offset in (21, 22):
        sse_id = offset_id((EQIAD, offset), (CODFW, -1))
        tracker.advance(str(offset), sse_id, reader.read(sse_id, EQIAD, 0))
    expected = [
        {"topic": EQIAD, "partition": 0, "offset": 22},
        {"topic": CODFW, "partition": 0, "timestamp": 1_000_000_000_000},
    ]
    assert asked_for(tracker) == expected
    again, _ = make(tracker.state())
    assert asked_for(again) == expected
    assert gaps == []


def test_offsets_of_two_topics_each_move_by_themselves():
    tracker, _ = make()
    reader = PositionReader()
    for a, b in ((5, 100), (6, 100), (6, 101)):
        sse_id = offset_id((EQIAD, a), (CODFW, b))
        tracker.advance(f"{a}-{b}", sse_id, reader.read(sse_id, None, 0))
    assert [entry["offset"] for entry in asked_for(tracker)] == [6, 101]


def test_an_offset_that_the_source_refuses_is_given_up_and_the_gap_is_said():
    tracker, gaps = make(start=1_000, now=10_000.0)
    sse_id = offset_id((EQIAD, 7))
    tracker.advance("7", sse_id, PositionReader().read(sse_id, EQIAD, 0))
    tracker.too_old(lambda resume: True)
    assert all("offset" not in entry for entry in asked_for(tracker))
    assert [ended for ended, _ in gaps] == [None]


def test_a_topic_that_tells_timestamps_again_resumes_by_timestamp():
    tracker, _ = make()
    reader = PositionReader()
    for sse_id in (offset_id((EQIAD, 7)), wikimedia_id(5000, EQIAD)):
        tracker.advance(sse_id, sse_id, reader.read(sse_id, EQIAD, 0))
    assert all(set(entry) == {"topic", "partition", "timestamp"} for entry in asked_for(tracker))


def test_a_rewind_beyond_the_remembered_ids_is_said(monkeypatch):
    monkeypatch.setattr("sluice_producer.progress.position.MAX_IDS", 5)
    tracker, _ = make(rewind=100_000)
    read(tracker, [(n, 1_000_000 + 1000 * n) for n in range(20)])
    with capture_logs() as lines:
        tracker.resume()
    (said,) = [line for line in lines if "beyond the remembered ids" in line["event"]]
    assert said["remembered_from_ms"] == 1_000_000 + 15_000
    assert said["resumed_at_ms"] == 1_019_000 - 100_000
    assert [tracker.seen(str(n)) for n in range(20)] == [False] * 15 + [True] * 5


def test_topics_that_the_source_refuses_again_and_again_are_given_up_for_a_time():
    tracker, gaps = make(start=1_000, now=100_000.0)
    read(tracker, [(1, 50_000)])
    tracker.too_old(lambda resume: True)
    assert "Last-Event-ID" in tracker.resume().headers
    tracker.too_old(lambda resume: True)
    assert "since" in tracker.resume().params
    assert len(gaps) == 2
    read(tracker, [(2, 90_000_000)])
    assert entries(tracker.resume())[EQIAD] == 90_000_000
