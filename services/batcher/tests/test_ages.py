import math

import pytest
from sluice_batcher.receive.receiver import WINDOW, RecentAge
from sluice_batcher.testing import Rig, event, pack, packs
from sluice_core.testing import FakeClock


def test_the_greatest_of_the_last_two_windows_and_nothing_older():
    clock = FakeClock()
    ages = RecentAge(clock)
    assert math.isnan(ages.value())
    ages.observe(50)
    ages.observe(3)
    assert ages.value() == 50
    clock.advance(WINDOW)
    ages.observe(7)
    assert ages.value() == 50
    clock.advance(WINDOW)
    assert ages.value() == 7
    clock.advance(WINDOW)
    assert math.isnan(ages.value())
    ages.observe(1)
    clock.advance(100 * WINDOW)
    assert math.isnan(ages.value())
    ages.observe(2)
    assert ages.value() == 2


def test_a_batcher_tells_the_age_of_what_it_receives():
    rig = Rig(batch_max_rows=10)
    assert math.isnan(rig.metric("received_message_age_seconds"))
    rig.send(packs(1))
    rig.clock.advance(3 * 86_400)
    rig.receive()
    assert rig.metric("received_message_age_seconds") == 3 * 86_400
    rig.clock.advance(10 * WINDOW)
    assert math.isnan(rig.metric("received_message_age_seconds"))


def ages(rig):
    return [rig.metric(f"oldest_{which}_message_age_seconds") for which in ("held", "unwritten")]


def test_what_waits_for_its_delete_alone_is_written():
    rig = Rig(batch_max_rows=10)
    assert ages(rig) == [0, 0]
    rig.send(packs(1))
    rig.receive()
    rig.clock.advance(5)
    in_flush = []
    rig.bucket.before = lambda _action: in_flush.append(ages(rig))
    assert rig.batcher.flushers[0].step()
    assert in_flush == [[5, 5]]
    rig.clock.advance(5)
    assert ages(rig) == [10, 0]
    rig.settle()
    assert ages(rig) == [0, 0]


def test_what_waits_for_its_dead_letter_alone_is_written():
    rig = Rig(batch_max_rows=10)
    rig.send([pack([b"no JSON", event("e1")])])
    rig.receive()
    rig.advance(rig.settings.batch_max_age + 1)
    assert ages(rig) == pytest.approx([31, 31])
    assert rig.batcher.flushers[0].step()
    assert ages(rig) == pytest.approx([31, 0])


def test_every_label_value_is_there_before_its_first_event():
    rig = Rig(batch_max_rows=10)
    seen = rig.registry.get_sample_value
    assert seen("sluice_batcher_poison_records_total", {"reason": "not-json"}) == 0
    assert seen("sluice_batcher_flushes_total", {"reason": "age"}) == 0
