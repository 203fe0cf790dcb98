"""Processes that stop for longer than their leases and then go on as if nothing had been."""

import pytest
from harness.pipeline import VISIBILITY
from harness.proxy import Fault
from harness.source import ENDLESS
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


def test_a_batcher_frozen_in_the_middle_of_its_write(make_pipeline):
    """It wakes up with a write under way whose rows another has stored: twice there, and counted."""
    pipeline = make_pipeline(1000, through_proxy=True)
    hanging = pipeline.proxy.inject(
        Fault.HANG, service="s3", operation="PutObject", path="/events/"
    )
    frozen = pipeline.start_batcher()
    pipeline.start_producer()
    until(lambda: hanging.hits > 0, "a write under way", seen=frozen.tail)
    frozen.freeze()

    pipeline.start_batcher(AWS_ENDPOINT_URL=pipeline.cloud.endpoint)
    pipeline.drain()
    hanging.lift()
    frozen.thaw()
    until(lambda: pipeline.account().duplicates, "rows twice", seen=frozen.tail)
    assert frozen.terminate(within=15) == 0

    found = pipeline.lossless(duplicates=True)
    print(f"after a freeze in a write: {found}")


def test_a_frozen_producer_wakes_up_after_another_has_taken_over(make_pipeline):
    pipeline = make_pipeline(ENDLESS, rate=500)
    old = pipeline.start_producer()
    pipeline.start_batcher()
    pipeline.written(500)
    old.freeze()

    new = pipeline.start_producer()
    until(lambda: pipeline.checkpoint()["generation"] == 2, "the new owner", seen=new.tail)
    pipeline.written(len(pipeline.rows()) + 500)
    old.thaw()

    assert old.wait(within=30) == 3
    assert new.alive
    pipeline.source.finish()
    found = pipeline.lossless(duplicates=True)
    print(f"after a second producer: {found}")
