"""Processes that stop for longer than their leases and then go on as if nothing had been."""

import pytest
from harness.pipeline import VISIBILITY
from harness.waiting import until

pytestmark = [pytest.mark.functional, pytest.mark.timeout(180)]


def test_a_batcher_frozen_past_the_visibility_timeout(make_pipeline):
    pipeline = make_pipeline(2000)
    patient = {"SLUICE_BATCH_MAX_ROWS": "100000", "SLUICE_BATCH_MAX_AGE": "60s"}
    frozen = pipeline.start_batcher(**patient)
    producer = pipeline.start_producer()
    until(lambda: frozen.metric("sluice_batcher_held_rows") > 1000, "rows held", seen=frozen.tail)
    frozen.freeze()

    other = pipeline.start_batcher()
    pipeline.drain()
    frozen.thaw()
    assert frozen.terminate(within=15) == 0

    found = pipeline.lossless(duplicates=True)
    print(f"after a freeze of more than {VISIBILITY} s: {found}")
    assert producer.alive
    assert other.alive


def test_a_frozen_producer_wakes_up_after_another_has_taken_over(make_pipeline):
    pipeline = make_pipeline(4000, rate=1000)
    old = pipeline.start_producer()
    pipeline.start_batcher()
    pipeline.written(500)
    old.freeze()

    new = pipeline.start_producer()
    until(lambda: pipeline.checkpoint()["generation"] == 2, "the new owner", seen=new.tail)
    pipeline.written(2000)
    old.thaw()

    assert old.wait(within=30) == 3
    assert new.alive
    found = pipeline.lossless(duplicates=True)
    print(f"after a second producer: {found}")
