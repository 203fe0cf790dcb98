"""What is done every so many seconds, whoever calls and however late."""

import pytest
from sluice_core.service.periodic import Periodic
from sluice_core.testing import FakeClock


class Noted(Periodic):
    """Notes when it acted: seconds since the start."""

    name = "noted"

    def __init__(self, clock: FakeClock, *, at_once: bool) -> None:
        super().__init__(clock, 60.0, at_once=at_once)
        self.began = clock.monotonic()
        self.acted: list[float] = []

    def act(self) -> None:
        self.acted.append(self._clock.monotonic() - self.began)


@pytest.mark.parametrize(("at_once", "acted"), [(True, [0, 60, 300, 360]), (False, [60, 300, 360])])
def test_it_acts_when_it_is_time_and_never_for_what_was_missed(
    at_once: bool, acted: list[float]
) -> None:
    clock = FakeClock()
    stage = Noted(clock, at_once=at_once)
    due = []
    for step in (0, 59, 1, 240, 1, 59):
        clock.advance(step)
        due.append(stage.due_in())
        assert stage.step() is False
    assert stage.acted == acted
    assert due == [0 if at_once else 60, 1, 0, 0, 59, 0]
