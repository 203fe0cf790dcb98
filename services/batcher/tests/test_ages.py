import math

from sluice_batcher.receive.receiver import WINDOW, RecentAge
from sluice_batcher.testing import Rig, packs
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


def test_every_label_value_is_there_before_its_first_event():
    rig = Rig(batch_max_rows=10)
    seen = rig.registry.get_sample_value
    assert seen("sluice_batcher_poison_records_total", {"reason": "not-json"}) == 0
    assert seen("sluice_batcher_flushes_total", {"reason": "age"}) == 0
