"""Where a stream is taken up again: the source's own order of things must not lose an event."""

import time

import pytest
from harness.account import data_keys, rows_of
from harness.source import Source
from harness.waiting import until

pytestmark = [pytest.mark.functional, pytest.mark.timeout(120)]

DAY_MS = 86_400_000


def soon():
    """A first event after the producer's start, however long that takes: it asks for all since then."""
    return int(time.time() * 1000) + 60_000


def positions_that_lose(stream, count):
    """Where a connection may end so that the last event's own id would skip the next ones."""
    return [
        n
        for n in range(1, count)
        if not stream.is_canary(n)
        and not stream.is_canary(n - 1)
        and stream.first_at(stream.timestamp(n - 1) + 1, stream.topic(n), count) > n
    ]


def test_cuts_where_offset_order_is_not_timestamp_order(make_pipeline, tmp_path):
    timeline = {"start_ms": soon(), "interval_ms": 5.0, "seed": 3}
    probe = Source(tmp_path / "probe.jsonl", 3000, **timeline)
    bad = positions_that_lose(probe.log.open(), 3000)
    probe.close()
    assert len(bad) > 300, "the built-in source is as disordered as the real one"
    cuts = bad[50 :: len(bad) // 6]

    pipeline = make_pipeline(
        3000, faults=[f"{'mid' if i % 2 else 'cut'}@{n}" for i, n in enumerate(cuts)], **timeline
    )
    producer, _ = pipeline.start()

    pipeline.lossless()
    assert producer.metric("sluice_producer_reconnects_total") >= len(cuts)


def test_a_restart_where_offset_order_is_not_timestamp_order(make_pipeline, tmp_path):
    timeline = {"start_ms": soon(), "interval_ms": 5.0, "seed": 4}
    probe = Source(tmp_path / "probe.jsonl", 2000, **timeline)
    bad = positions_that_lose(probe.log.open(), 2000)
    first, second = bad[len(bad) // 3], bad[2 * len(bad) // 3]
    probe.close()
    pipeline = make_pipeline(2000, faults=[f"silence@{first}", f"silence@{second}"], **timeline)
    pipeline.start_batcher()
    for position in (first, second):
        producer = pipeline.start_producer()
        pipeline.caught_up(position)
        assert producer.terminate(within=10) == 0
    pipeline.start_producer()

    pipeline.lossless()


def test_a_checkpoint_that_is_too_old_for_the_source(make_pipeline, tmp_path):
    """It takes the oldest that there still is, says so, and counts the gap; it does not crash."""
    now = int(time.time() * 1000)
    timeline = {"start_ms": now - 10 * DAY_MS, "interval_ms": 10 * DAY_MS / 2000, "seed": 6}
    settings = {"SLUICE_SOURCE_NAME": "old"}
    long_ago = Source(tmp_path / "before.jsonl", 300, retention=30 * 86_400, **timeline)
    pipeline = make_pipeline(source=long_ago, settings=settings)
    producer = pipeline.start_producer(
        SLUICE_SOURCE_URL=f"{long_ago.url}?since={timeline['start_ms']}"
    )
    pipeline.start_batcher(SLUICE_PARTITION_BY="none")
    pipeline.lossless()
    assert producer.terminate(within=10) == 0
    long_ago.close()

    pipeline.source = Source(
        tmp_path / "after.jsonl", 2000, rate=1_000_000, retention=7 * 86_400, **timeline
    )
    pipeline.source.log.open()
    producer = pipeline.start_producer()
    until(lambda: pipeline.source.finished, "the rest", seen=producer.tail)
    pipeline.drain()

    stream = pipeline.source.log.open()
    kept = {
        stream.event_id(n)
        for n in range(300, 2000)
        if stream.timestamp(n) >= now - 7 * DAY_MS + 120_000 and not stream.is_canary(n)
    }
    assert len(kept) > 1200
    assert kept <= {row["event_id"] for row in pipeline.rows()}
    assert producer.metric("sluice_producer_resume_gaps_total") == 1
    assert producer.metric("sluice_producer_resume_gap_seconds_total") > 86_400
    assert producer.alive


def test_thirty_hours_of_events_at_once(make_pipeline):
    events = 3000
    start = int((time.time() - 30 * 3600) * 1000)
    pipeline = make_pipeline(events, start_ms=start, interval_ms=30 * 3_600_000 / events)
    pipeline.start_producer(SLUICE_SOURCE_URL=f"{pipeline.source.url}?since={start - 60_000}")
    pipeline.start_batcher(SLUICE_BATCH_MAX_ROWS="1500", SLUICE_FORMAT="jsonl")

    pipeline.lossless()

    hours = set()
    for key in data_keys(pipeline.cloud):
        partition = key.split("/", 1)[1].rsplit("/", 1)[0]
        hours.add(partition)
        for row in rows_of(key, pipeline.cloud.bucket.get(key).body):
            moment = time.gmtime(row["timestamp"])
            assert time.strftime("dt=%Y-%m-%d/hour=%H", moment) == partition
    assert len(hours) in (30, 31, 32)
