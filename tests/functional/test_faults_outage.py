"""SQS or S3 away, or gone, or silent about what they did."""

import time

import pytest
from harness.cloud import Cloud
from harness.pipeline import VISIBILITY
from harness.proxy import Fault
from harness.source import ENDLESS, Source
from harness.waiting import until
from sluice_cli.localstack import EmbeddedLocalStack

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


@pytest.mark.parametrize(
    ("service", "operation", "path", "duplicates"),
    [
        ("sqs", "SendMessageBatch", "", True),
        ("sqs", "ReceiveMessage", "", False),
        ("sqs", "DeleteMessageBatch", "", False),
        ("s3", "PutObject", "/events/", False),
        ("s3", "PutObject", "/_sluice/checkpoint/", False),
    ],
    ids=["send", "receive", "delete", "put-object", "put-checkpoint"],
)
def test_a_lost_reply(make_pipeline, service, operation, path, duplicates):
    pipeline = make_pipeline(1500, rate=1000, through_proxy=True)
    lost = pipeline.proxy.inject(
        Fault.LOSE_REPLY, service=service, operation=operation, path=path, times=3
    )
    producer, batcher = pipeline.start()

    found = pipeline.lossless(duplicates=duplicates)

    assert lost.hits == 3
    # Only a send that SQS accepted without our knowing is sent twice, and seen as such.
    assert bool(found.duplicates) is duplicates
    assert producer.alive
    assert batcher.alive


def test_localstack_is_restarted_and_forgets_everything(make_pipeline, tmp_path):
    """What it had in its queue is gone with it; what comes after reaches the queue that is made again."""
    with EmbeddedLocalStack() as server:
        cloud = Cloud.make(server.endpoint, visibility=VISIBILITY)
        begin = int(time.time() * 1000)
        timeline = {"start_ms": begin, "interval_ms": 10.0, "seed": 5}
        source = Source(tmp_path / "before.jsonl", 1000, **timeline)
        pipeline = make_pipeline(source=source, on=cloud)
        producer, batcher = pipeline.start()
        before = pipeline.lossless()

        server.stop()
        source.close()
        pipeline.source = Source(tmp_path / "after.jsonl", 2500, port=source.port, **timeline)
        until(lambda: pipeline.source.finished, "events that meet no queue", seen=producer.tail)
        server.start()
        until(
            lambda: (
                "NonExistentQueue" in producer.output() or "NonExistentQueue" in batcher.output()
            ),
            "a word about the missing queue",
        )
        assert producer.get("/readyz")[0] == 503
        cloud.create()
        everything = pipeline.drain()

        assert producer.alive
        assert batcher.alive
        assert not everything.lost
        assert not everything.duplicates
        assert everything.rows > before.rows
        pipeline.children.close()
