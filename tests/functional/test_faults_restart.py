"""LocalStack restarted: queues and bucket are gone, until the tool that owns them makes them again."""

import time

import pytest
from harness.cloud import Cloud
from harness.pipeline import VISIBILITY
from harness.source import Source
from harness.waiting import until
from sluice_local.localstack import EmbeddedLocalStack

pytestmark = pytest.mark.functional


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


def test_what_a_batcher_holds_outlives_the_queue_that_it_came_from(make_pipeline):
    """The new queue of the same name gives nothing back, so the rows held are all that is left of them."""
    with EmbeddedLocalStack() as server:
        pipeline = make_pipeline(800, on=Cloud.make(server.endpoint, visibility=VISIBILITY))
        pipeline.start_producer()
        batcher = pipeline.start_batcher(
            SLUICE_BATCH_MAX_ROWS="100000", SLUICE_BATCH_MAX_AGE="300s"
        )
        until(
            lambda: (
                pipeline.source.finished
                and batcher.metric("sluice_batcher_held_rows") == len(pipeline.source.expected())
            ),
            "all rows held",
            seen=batcher.tail,
        )

        server.restart()
        pipeline.cloud.create()
        failures = "sluice_batcher_visibility_extension_failures_total"
        until(lambda: batcher.metric(failures) > 0, "a lease that nobody knows", seen=batcher.tail)
        assert batcher.terminate(within=15) == 0

        pipeline.lossless()
        pipeline.children.close()
