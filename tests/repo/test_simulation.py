"""The simulation behind docs/scaling.md: what must hold of any such model, and its one measured point."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from simulate.given import S3_PUTS, Measured, Network, Setup, measured, setup
from simulate.limits import Parts
from simulate.model import State, simulate
from simulate.page import drain_rate, given_line, single_node

COSTS = Measured(10.0, 20.0, 220.0, "the test")
LAKE = setup("lake", "values-production.yaml")
DEFAULT = setup("defaults")


def run(given: Setup, rate: float, seconds: int = 900, **more: object) -> list[State]:
    return simulate(Parts(given, COSTS, Network()), lambda _s: rate, seconds, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [DEFAULT, LAKE], ids=lambda each: each.name)
@pytest.mark.parametrize("rate", [35, 30_000, 1_000_000])
@pytest.mark.parametrize("kills", [{}, {200: 1, 400: 2}])
def test_what_comes_in_is_out_or_waits(given: Setup, rate: int, kills: dict[int, int]) -> None:
    for state in run(given, rate, kills=kills):
        assert state.came == pytest.approx(rate * state.second)
        assert state.written + state.inside == pytest.approx(state.came, rel=1e-6, abs=1e-3)
        assert min(state.unread, state.visible, state.held, state.hidden) > -1e-3


def test_more_comes_later_and_more_pods_come_sooner() -> None:
    lags = [max(s.lag for s in run(LAKE, rate)) for rate in (120_000, 150_000, 400_000, 1_000_000)]
    assert lags == sorted(lags)
    left = [
        run(replace(LAKE, producers=20, max_pods=pods), 1_000_000)[-1].inside
        for pods in (2, 5, 10, 20)
    ]
    assert left == sorted(left, reverse=True)
    assert left[0] > 2 * left[-1]


def test_the_values_are_the_chart_s() -> None:
    assert (DEFAULT.pack_events, DEFAULT.batch_rows, DEFAULT.batch_age) == (100, 100, 30.0)
    assert (LAKE.pack_events, LAKE.batch_rows, LAKE.max_pods, LAKE.visibility) == (
        0,
        50_000,
        20,
        120,
    )
    assert LAKE.queue_length == 2_501
    assert DEFAULT.queue_length == 376


def test_limits_stop_what_they_say() -> None:
    """A producer's core, S3's rate of PUTs, and the pods that there may be."""
    assert run(LAKE, 1e6)[-1].unread == pytest.approx(900 * (1e6 - 1e6 / COSTS.producer))
    wide = replace(DEFAULT, producers=100, max_pods=10_000, min_pods=10_000)
    assert max(state.puts for state in run(wide, 5e6, 120)) == pytest.approx(S3_PUTS)
    few = replace(LAKE, producers=100, max_pods=3)
    assert max(state.pods for state in run(few, 1e6)) == 3


def test_a_killed_pod_s_messages_come_back_when_their_visibility_ends() -> None:
    states = run(replace(LAKE, max_pods=2), 1_000, 600, kills={300: 1})
    hidden = [state.second for state in states if state.hidden > 0]
    assert (hidden[0], hidden[-1]) == (300, 300 + LAKE.visibility - 1)
    assert states[-1].lag <= LAKE.batch_age + LAKE.pack_age


def test_one_batcher_in_the_model_is_as_fast_as_its_core() -> None:
    costs = measured()
    assert drain_rate(costs) == pytest.approx(1e6 / costs.batcher, rel=0.05)


def test_the_page_is_made_of_the_present_figures() -> None:
    """Of it what is cheap to make again: what the model is given, and the point that is measured."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "scaling.md").read_text()
    assert given_line(measured()) in text, "run `make simulate`"
    assert single_node(measured()) in text, "run `make simulate`"
