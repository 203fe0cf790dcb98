"""Deletes go in tens, whatever batch they come from, and none waits for longer than a second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_batcher.inflight.deleter import PATIENCE
from sluice_batcher.testing import Rig, packs


def stored(rig, messages):
    """Receives and writes that many messages, each a batch of its own, and deletes none of them."""
    rig.send(packs(messages, size=1))
    while rig.receive() + rig.batcher.flushers[0].step():
        pass


def steps(rig):
    while rig.batcher.deleter.step():
        pass
    return len(rig.queue)


def test_what_is_no_ten_waits_for_a_second_and_no_longer():
    rig = Rig(batch_max_rows=1, partition_by="none")
    stored(rig, 3)
    assert steps(rig) == 3
    assert rig.batcher.deleter.due_in() == pytest.approx(PATIENCE)
    rig.clock.advance(0.9)
    stored(rig, 4)
    assert steps(rig) == 7
    rig.clock.advance(rig.batcher.deleter.due_in())
    assert steps(rig) == 0
    assert rig.batcher.deleter.due_in() is None


def test_tens_go_at_once_and_the_rest_no_later_than_before():
    rig = Rig(batch_max_rows=1, partition_by="none")
    stored(rig, 3)
    steps(rig)
    since = rig.clock.monotonic()
    stored(rig, 9)
    assert steps(rig) == 2
    assert rig.batcher.deleter.due_in() == pytest.approx(since + PATIENCE - rig.clock.monotonic())
    assert rig.clock.monotonic() > since


def test_a_drain_waits_for_nothing():
    rig = Rig(batch_max_rows=1, partition_by="none")
    stored(rig, 3)
    assert steps(rig) == 3
    rig.batcher.deleter.close()
    assert steps(rig) == 0


@given(st.lists(st.tuples(st.integers(0, 13), st.floats(0, 1.5)), max_size=6))
def test_no_message_waits_longer_than_a_second(arrivals):
    rig = Rig(batch_max_rows=1, partition_by="none", visibility_timeout="600s")
    waiting: list[float] = []
    for count, pause in arrivals:
        stored(rig, count)
        waiting += [rig.clock.monotonic()] * count
        end = rig.clock.monotonic() + pause
        while True:
            left = steps(rig)
            waiting = waiting[len(waiting) - left :]
            due = rig.batcher.deleter.due_in()
            assert (due is None) == (left == 0)
            assert left < 10
            if due is None or rig.clock.monotonic() + due > end:
                break
            rig.clock.advance(due)
        rig.clock.advance(max(0.0, end - rig.clock.monotonic()))
        assert all(rig.clock.monotonic() - since <= PATIENCE + 1e-6 for since in waiting)
