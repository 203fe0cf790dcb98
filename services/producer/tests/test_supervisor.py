"""Reconnect policy, with a scripted source and a clock that only waits move."""

import random
from collections.abc import Callable, Iterator

import pytest
from sluice_core.errors import PermanentError
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock
from sluice_producer.source.connection import Broken, Resume, SourceRefused
from sluice_producer.source.parser import SourceEvent
from sluice_producer.source.supervisor import Policy, SourceFailed, Supervisor

Step = Exception | list[str | float]


class FakeStream:
    def __init__(self, steps: list[str | float], clock: FakeClock, retry: float | None) -> None:
        self.steps, self.clock, self.retry = steps, clock, retry
        self.interrupted = self.closed = self.arrived = False

    def __iter__(self) -> Iterator[SourceEvent]:
        for step in self.steps:
            if isinstance(step, float):
                self.clock.advance(step)
            elif step in ("end", "idle", "network"):
                raise Broken(step, step)
            elif step == ":comment":
                self.arrived = True
            else:
                self.arrived = True
                yield SourceEvent("message", step.encode(), "")
        raise Broken("end", "end")

    def interrupt(self) -> None:
        self.interrupted = True

    def close(self) -> None:
        self.closed = True


class FakeSource:
    def __init__(
        self, steps: list[Step], clock: FakeClock, stop: Stop, retry: float | None = None
    ) -> None:
        self.steps, self.clock, self.stop, self.retry = list(steps), clock, stop, retry
        self.opened: list[tuple[float, Resume]] = []
        self.streams: list[FakeStream] = []

    def open(self, resume: Resume, now: float) -> FakeStream:
        self.opened.append((self.clock.monotonic(), resume))
        if not self.steps:
            self.stop.request()
            raise Broken("connect", "out of script")
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        self.streams.append(FakeStream(step, self.clock, self.retry))
        return self.streams[-1]

    @property
    def pauses(self) -> list[float]:
        return [b[0] - a[0] for a, b in zip(self.opened, self.opened[1:], strict=False)]


class Place:
    def __init__(self) -> None:
        self.at = Resume(params={"since": "old"})
        self.probe: Callable[[Resume], bool] | None = None
        self.moves = 0

    def resume(self) -> Resume:
        return self.at

    def too_old(self, probe: Callable[[Resume], bool]) -> None:
        self.moves += 1
        self.probed = probe(Resume(params={"since": "new"}))
        self.at = Resume(params={"since": "new"})


class Case:
    def __init__(self, steps: list[Step], retry: float | None = None, seed: int = 1) -> None:
        self.clock, self.stop, self.place = FakeClock(), Stop(), Place()
        self.source = FakeSource(steps, self.clock, self.stop, retry)
        self.events: list[str] = []
        self.causes: list[str] = []
        self.beats = 0
        self.supervisor = Supervisor(
            self.source,
            self.place,
            self.handle,
            stop=self.stop,
            clock=self.clock,
            rng=random.Random(seed),
            policy=Policy(base=1, cap=60, healthy=5),
            observe=lambda cause, _detail: self.causes.append(cause),
            beat=self.beat,
        )

    def handle(self, event: SourceEvent) -> None:
        if event.data == "fail":
            raise SourceFailed("said so")
        self.events.append(event.data)

    def beat(self) -> None:
        self.beats += 1

    def run(self) -> "Case":
        self.supervisor.run()
        return self


def test_204_is_the_end() -> None:
    case = Case([["a"], SourceRefused(204, ""), ["b"]]).run()
    assert case.events == ["a"]
    assert len(case.source.opened) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_final_refusals_fail_loudly(status: int) -> None:
    case = Case([SourceRefused(status, "no")])
    case.place.at = Resume()
    with pytest.raises(PermanentError, match=str(status)):
        case.run()


def test_403_names_the_user_agent() -> None:
    case = Case([SourceRefused(403, "no")])
    case.place.at = Resume()
    with pytest.raises(PermanentError, match="SLUICE_USER_AGENT"):
        case.run()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_refusals_are_retried(status: int) -> None:
    assert Case([SourceRefused(status, ""), SourceRefused(status, ""), ["a"]]).run().events == ["a"]


def test_retry_after_is_obeyed_and_jittered_upwards() -> None:
    case = Case([SourceRefused(429, "", 120.0), ["a"]]).run()
    assert 120 <= case.source.pauses[0] <= 121
    assert case.beats >= 120 / 15


def test_an_absurd_retry_after_is_capped() -> None:
    assert Case([SourceRefused(503, "", 1e9), ["a"]]).run().source.pauses[0] <= 3601


def test_a_clean_end_after_a_healthy_time_reconnects_at_once() -> None:
    case = Case([["a", 900.0, "end"], ["b"]]).run()
    assert case.events == ["a", "b"]
    assert case.source.pauses[0] == 900.0


def test_a_cut_after_a_healthy_time_reconnects_at_once() -> None:
    assert Case([["a", 900.0, "network"], ["b"]]).run().source.pauses[0] == 900.0


def test_a_connection_that_ends_at_once_is_not_hammered() -> None:
    case = Case([[]] * 12).run()
    assert sum(case.source.pauses) > 30
    assert max(case.source.pauses) <= 60


def test_a_quiet_stream_is_connected_again_at_once_as_long_as_it_says_anything() -> None:
    """Comments alone, each connection cut after six seconds: what happens while we wait would be lost."""
    case = Case([[":comment", 6.0, "network"]] * 20 + [["a"]], retry=1.0).run()
    assert case.source.pauses[:20] == [6.0] * 20
    assert case.events == ["a"]


def test_a_connection_that_says_nothing_is_waited_for_longer_and_longer() -> None:
    case = Case([[6.0, "network"]] * 12).run()
    assert max(case.source.pauses) > 6 + 16


def test_backoff_doubles_with_full_jitter_and_has_a_cap() -> None:
    pauses = [
        Case([SourceRefused(503, "")] * 12, seed=seed).run().source.pauses for seed in range(40)
    ]
    for n in range(12):
        ceiling = min(60, 2**n)
        at_n = [p[n] for p in pauses]
        assert max(at_n) <= ceiling
        assert min(at_n) < ceiling / 3
        assert max(at_n) > ceiling / 2


def test_events_reset_the_backoff() -> None:
    case = Case([SourceRefused(503, "")] * 8 + [["a"]] + [["b"]]).run()
    assert case.source.pauses[8] <= 1


def test_the_source_s_retry_field_sets_the_base() -> None:
    pauses = [
        Case([["a"], ["b"]], retry=20.0, seed=seed).run().source.pauses[0] for seed in range(30)
    ]
    assert 10 < max(pauses) <= 20


def test_idle_and_network_are_counted_by_cause() -> None:
    case = Case([["a", "idle"], ["b", "network"], ["c", "end"]]).run()
    assert case.events == ["a", "b", "c"]
    assert [c for c in case.causes if c != "open"] == ["idle", "network", "end"]


def test_an_error_event_reconnects_with_backoff() -> None:
    case = Case([["fail"]] * 8 + [["a"]]).run()
    assert case.causes.count("source-error") == 8
    assert case.events == ["a"]
    assert sum(case.source.pauses[:8]) > 8


def test_a_wrong_content_type_is_final_at_first_and_temporary_later() -> None:
    case = Case([SourceRefused(200, "no event stream but text/html")])
    case.place.at = Resume()
    with pytest.raises(PermanentError, match="text/html"):
        case.run()
    assert Case([["a"], SourceRefused(200, "text/html"), ["b"]]).run().events == ["a", "b"]


def test_too_old_moves_the_place_and_goes_on() -> None:
    case = Case([SourceRefused(400, "too old"), ["probe"], ["a"]]).run()
    assert case.place.moves == 1
    assert case.place.probed is True
    assert case.source.streams[0].closed
    assert case.events == ["a"]
    assert case.source.opened[-2][1] == Resume(params={"since": "new"})


def test_a_400_that_no_place_cures_is_final_not_a_loop() -> None:
    with pytest.raises(PermanentError, match="400"):
        Case([SourceRefused(400, "bad")] * 20).run()


class ById(Place):
    """Resumes by an id, which it gives up when told."""

    def __init__(self) -> None:
        super().__init__()
        self.at = Resume(headers={"Last-Event-ID": "7"})

    def too_old(self, probe: Callable[[Resume], bool]) -> None:
        self.moves += 1
        self.at = Resume()


def by_id(
    answer: Callable[[Resume, int], Exception | None], patience: int = 60
) -> tuple[Case, ById]:
    """A run against a source that answers by what it is asked; ends at the first event."""
    case, place, count = Case([]), ById(), 0

    class Picky(FakeSource):
        def open(self, resume: Resume, now: float) -> FakeStream:
            nonlocal count
            count += 1
            self.opened.append((self.clock.monotonic(), resume))
            assert count <= patience, "a loop"
            refusal = answer(resume, count)
            if refusal is not None:
                raise refusal
            return FakeStream(["a"], self.clock, None)

    def handle(event: SourceEvent) -> None:
        case.events.append(event.data)
        case.stop.request()

    case.source = Picky([], case.clock, case.stop)
    case.supervisor = Supervisor(
        case.source,
        place,
        handle,
        stop=case.stop,
        clock=case.clock,
        rng=random.Random(1),
        observe=lambda cause, _detail: case.causes.append(cause),
    )
    return case, place


@pytest.mark.parametrize("status", [200, 400, 404, 409, 410, 413, 414, 416, 422, 431, 500])
def test_a_place_that_alone_is_refused_is_given_up_and_reading_goes_on(status: int) -> None:
    """Whatever a source answers to an id that it does not know, or that is too long for it."""
    case, place = by_id(
        lambda resume, _: SourceRefused(status, "what?") if resume.headers else None
    )
    case.run()
    assert case.events == ["a"]
    assert place.moves == 1
    assert case.source.opened[-1][1] == Resume()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_is_not_for_the_place_gives_nothing_up(status: int) -> None:
    case, place = by_id(lambda _resume, _count: SourceRefused(status, "no"))
    with pytest.raises(PermanentError, match=str(status)):
        case.run()
    assert place.moves == 0


def test_a_refusal_that_has_passed_when_it_is_looked_into_gives_nothing_up() -> None:
    case, place = by_id(
        lambda _resume, count: SourceRefused(404, "deploying") if count == 1 else None
    )
    case.run()
    assert place.moves == 0
    assert case.source.opened[-1][1] == Resume(headers={"Last-Event-ID": "7"})


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_source_that_is_down_keeps_the_place(status: int) -> None:
    case, place = by_id(lambda _resume, count: SourceRefused(status, "") if count < 30 else None)
    case.run()
    assert place.moves == 0
    assert case.source.opened[-1][1] == Resume(headers={"Last-Event-ID": "7"})


def test_a_stop_during_the_probe_ends_without_moving() -> None:
    case = Case([SourceRefused(400, "too old"), Broken("connect", "down")])
    case.run()
    assert case.place.at == Resume(params={"since": "old"})


def test_a_stop_ends_after_the_event_in_hand() -> None:
    case = Case([["a", "b", "c"]])
    case.supervisor = Supervisor(
        case.source,
        case.place,
        lambda event: (case.events.append(event.data), case.stop.request())[0],
        stop=case.stop,
        clock=case.clock,
        rng=random.Random(1),
    )
    case.supervisor.run()
    assert case.events == ["a"]
    assert case.source.streams[0].interrupted
    assert case.source.streams[0].closed


def test_what_a_reader_makes_of_its_shut_socket_is_the_stop() -> None:
    case = Case([["a"]])

    def handle(_event: SourceEvent) -> None:
        case.stop.request()
        raise AttributeError("'NoneType' object has no attribute 'read'")

    Supervisor(
        case.source, case.place, handle, stop=case.stop, clock=case.clock, rng=random.Random(1)
    ).run()


def test_a_bug_in_handling_is_let_through() -> None:
    case = Case([["a"]])

    def handle(_event: SourceEvent) -> None:
        raise ZeroDivisionError

    supervisor = Supervisor(
        case.source, case.place, handle, stop=case.stop, clock=case.clock, rng=random.Random(1)
    )
    with pytest.raises(ZeroDivisionError):
        supervisor.run()
