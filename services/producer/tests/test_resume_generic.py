"""Where a source that is not Wikimedia's resumes: at its last id."""

import pytest
from sluice_core.errors import PermanentError
from sluice_core.testing import FakeClock
from sluice_producer.progress.position import NOWHERE
from sluice_producer.progress.tracker import GenericTracker, TrackerState, make_tracker
from sluice_producer.source.connection import Resume
from sluice_producer.testing import make_runtime
from structlog.testing import capture_logs


def test_generic_sources_resume_by_the_last_id() -> None:
    tracker = GenericTracker(TrackerState(5), lambda _a, _b: None)
    assert tracker.resume() == Resume()
    assert not tracker.resume().asks_for_history
    tracker.advance("x", "id-7", NOWHERE)
    assert tracker.resume() == Resume(headers={"Last-Event-ID": "id-7"}, last_event_id="id-7")
    assert not tracker.seen("x")
    assert GenericTracker(tracker.state(), lambda _a, _b: None).resume() == tracker.resume()


def test_an_id_with_spaces_around_fits_into_a_header() -> None:
    tracker = GenericTracker(TrackerState(5, last_event_id=" 7\t"), lambda _a, _b: None)
    assert tracker.resume() == Resume(headers={"Last-Event-ID": "7"}, last_event_id=" 7\t")


@pytest.mark.parametrize("sse_id", ["\f1", "\v1", "a\x01", "\x7f", "1\x1f2", " \t "])
def test_an_id_that_no_header_can_carry_is_not_sent_and_the_gap_is_told_once(sse_id: str) -> None:
    gaps: list[tuple[int | None, int | None]] = []
    tracker = GenericTracker(TrackerState(5), lambda a, b: gaps.append((a, b)))
    tracker.advance("x", sse_id, NOWHERE)
    assert tracker.resume() == Resume()
    assert tracker.resume() == Resume()
    assert gaps == [(None, None)]
    tracker.advance("y", "8", NOWHERE)
    assert tracker.resume().headers == {"Last-Event-ID": "8"}


def test_generic_gives_no_id_up_while_the_source_refuses_without_it_too() -> None:
    gaps: list[tuple[int | None, int | None]] = []
    tracker = GenericTracker(TrackerState(5, last_event_id="7"), lambda a, b: gaps.append((a, b)))
    with pytest.raises(PermanentError):
        tracker.too_old(lambda _resume: False)
    assert tracker.resume().headers == {"Last-Event-ID": "7"}
    assert gaps == []


def test_generic_too_old_forgets_the_id_and_tells_of_the_gap() -> None:
    gaps = []
    tracker = GenericTracker(TrackerState(5, last_event_id="7"), lambda a, b: gaps.append((a, b)))
    tracker.too_old(lambda _resume: True)
    assert tracker.resume() == Resume()
    assert gaps == [(None, None)]


def test_the_span_of_a_generic_sources_gap_is_unknown_and_not_zero() -> None:
    runtime = make_runtime(FakeClock())
    tracker = make_tracker(TrackerState(5, last_event_id="7"), runtime, wikimedia=False, rewind=0.0)
    with capture_logs() as lines:
        tracker.too_old(lambda _resume: True)
    (told,) = [line for line in lines if line["event"].startswith("GAP")]
    assert told["gap_seconds"] is None
    value = runtime.metrics.registry.get_sample_value
    assert value("sluice_producer_resume_gaps_total") == 1
    assert value("sluice_producer_resume_gap_seconds_total") == 0
