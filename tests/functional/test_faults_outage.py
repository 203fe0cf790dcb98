"""SQS or S3 away for longer than the visibility timeout."""

import time

import pytest
from harness.pipeline import VISIBILITY
from harness.proxy import Fault
from harness.source import ENDLESS
from harness.waiting import until

pytestmark = [pytest.mark.functional, pytest.mark.timeout(180)]


def outlasts(seconds, rule):
    """Waits until an outage has lasted `seconds` and somebody has met it."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end and rule.hits > 0, "an outage that was noticed")


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.UNAVAILABLE], ids=["refuse", "503"])
def test_s3_refuses_for_longer_than_the_visibility_timeout(make_pipeline, fault):
    pipeline = make_pipeline(ENDLESS, rate=500, through_proxy=True)
    producer, batcher = pipeline.start()
    pipeline.written(300)

    outage = pipeline.proxy.inject(fault, service="s3")
    before = len(pipeline.rows())
    outlasts(1.5 * VISIBILITY, outage)
    assert len(pipeline.rows()) == before
    outage.lift()
    pipeline.source.finish()

    # Their leases were extended all the time, so the queue gave nothing to anybody a second time.
    pipeline.lossless()
    assert producer.alive
    assert batcher.alive


def test_sqs_refuses_for_longer_than_the_visibility_timeout(make_pipeline):
    pipeline = make_pipeline(ENDLESS, rate=500, through_proxy=True)
    producer, batcher = pipeline.start()
    pipeline.written(300)

    outage = pipeline.proxy.inject(Fault.REFUSE, service="sqs")
    outlasts(1.5 * VISIBILITY, outage)
    assert producer.get("/readyz")[0] == 503
    assert producer.get("/healthz")[0] == batcher.get("/healthz")[0] == 200
    outage.lift()
    pipeline.source.finish()

    # What was stored and not deleted came again to the batcher that had stored it, and was only deleted.
    pipeline.lossless()
    assert producer.alive
    assert batcher.alive


def test_sqs_hangs(make_pipeline):
    pipeline = make_pipeline(ENDLESS, rate=500, through_proxy=True)
    pipeline.start()
    pipeline.written(200)

    outage = pipeline.proxy.inject(Fault.HANG, service="sqs")
    outlasts(VISIBILITY + 1, outage)
    outage.lift()
    pipeline.source.finish()

    pipeline.lossless(duplicates=True)


def test_a_producer_killed_while_sqs_is_away_reads_again_what_it_held(make_pipeline):
    """Its checkpoint stands where SQS last accepted something, however far it has read since."""
    pipeline = make_pipeline(ENDLESS, rate=500, through_proxy=True)
    producer, _ = pipeline.start()
    pipeline.written(200)

    outage = pipeline.proxy.inject(Fault.REFUSE, service="sqs", operation="SendMessageBatch")
    buffered = "sluice_producer_buffered_events"
    until(lambda: producer.metric(buffered) > 1500, "events held", seen=producer.tail)
    producer.kill()
    outage.lift()
    pipeline.start_producer()
    pipeline.source.finish()

    pipeline.lossless(duplicates=True)


def test_a_batcher_told_to_stop_while_sqs_hangs_is_gone_within_its_grace(make_pipeline):
    """Receives, deletes and the hand-back of what it holds all wait for an answer that does not come."""
    grace = {"SLUICE_SHUTDOWN_GRACE": "6s", "SLUICE_DRAIN": "return", "SLUICE_BATCH_MAX_AGE": "60s"}
    pipeline = make_pipeline(ENDLESS, rate=500, through_proxy=True)
    pipeline.start_producer()
    batcher = pipeline.start_batcher(**grace, SLUICE_BATCH_MAX_ROWS="100000")
    held = "sluice_batcher_held_messages"
    until(lambda: batcher.metric(held) > 3, "messages held", seen=batcher.tail)

    outage = pipeline.proxy.inject(Fault.HANG, service="sqs")
    until(lambda: outage.hits > 0, "a call that hangs", seen=batcher.tail)
    # The interpreter's own way out is not in the grace period; SIGKILL comes much later than this.
    batcher.terminate(within=6 + 4)
    outage.lift()
    pipeline.start_batcher()
    pipeline.source.finish()

    pipeline.lossless(duplicates=True)


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_a_producer_told_to_stop_while_a_service_hangs_is_gone_within_its_grace(
    make_pipeline, service
):
    """Its last checkpoint, or what it still has to send, waits for an answer that does not come."""
    pipeline = make_pipeline(ENDLESS, rate=500, through_proxy=True)
    producer = pipeline.start_producer(SLUICE_SHUTDOWN_GRACE="4s")
    pipeline.start_batcher()
    pipeline.written(200)

    outage = pipeline.proxy.inject(Fault.HANG, service=service)
    until(lambda: outage.hits > 0, "a call that hangs", seen=producer.tail)
    producer.terminate(within=4 + 4)
    outage.lift()
    pipeline.start_producer()
    pipeline.source.finish()

    pipeline.lossless(duplicates=True)


@pytest.mark.parametrize("name", ["producer", "batcher"])
def test_a_service_told_to_stop_while_its_start_hangs_is_gone_within_its_grace(make_pipeline, name):
    pipeline = make_pipeline(ENDLESS, rate=500, through_proxy=True)
    outage = pipeline.proxy.inject(Fault.HANG)
    start = pipeline.start_producer if name == "producer" else pipeline.start_batcher
    service = start(SLUICE_SHUTDOWN_GRACE="8s")
    until(lambda: outage.hits > 0, "a call that hangs", seen=service.tail)
    service.terminate(within=8 + 5)
