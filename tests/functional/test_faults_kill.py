"""Kills and stops at any point: what was not stored comes again."""

import os
import random
import threading

import pytest
from harness.source import ENDLESS
from harness.waiting import until

pytestmark = [pytest.mark.functional, pytest.mark.timeout(240)]

KILLS = 10


def test_ten_kills_at_random_points(make_pipeline, record_property):
    seed = int(os.environ.get("SLUICE_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"SLUICE_TEST_SEED={seed}")
    record_property("seed", seed)
    rng = random.Random(seed)
    pipeline = make_pipeline(
        ENDLESS, rate=700, settings={"SLUICE_BATCH_MAX_ROWS": str(rng.choice([50, 200, 1000]))}
    )
    running = dict(zip(("producer", "batcher"), pipeline.start(), strict=True))
    victims = ["producer", "batcher"] * (KILLS // 2)
    rng.shuffle(victims)
    for victim in victims:
        # Not ready, just running: a kill may fall into the start, too.
        point = pipeline.source.log.sent + rng.randrange(800)
        until(lambda p=point: pipeline.source.log.sent > p, f"event {point}", seen=pipeline.state)
        # A phase of the loops that the source's progress alone would always hit at the same place.
        threading.Event().wait(rng.uniform(0, 0.3))
        assert running[victim].alive, running[victim].tail()
        running[victim].kill()
        start = pipeline.start_producer if victim == "producer" else pipeline.start_batcher
        running[victim] = start()
    pipeline.source.finish()

    found = pipeline.lossless(duplicates=True)

    print(f"after {KILLS} kills: {found}")
    assert all(child.alive for child in running.values())


def test_sigterm_in_the_middle_of_a_batch_repeats_nothing(make_pipeline):
    pipeline = make_pipeline(ENDLESS, rate=600)
    producer = pipeline.start_producer()
    patient = {"SLUICE_BATCH_MAX_ROWS": "100000", "SLUICE_BATCH_MAX_AGE": "300s"}
    batcher = pipeline.start_batcher(**patient)
    until(lambda: batcher.metric("sluice_batcher_held_rows") > 500, "rows held", seen=batcher.tail)
    assert pipeline.rows() == []

    assert batcher.terminate(within=15) == 0

    assert len(pipeline.rows()) > 500
    assert producer.terminate(within=10) == 0
    pipeline.start()
    pipeline.source.finish()
    pipeline.lossless()


def test_a_producer_stops_at_once_in_a_silent_stream(make_pipeline):
    pipeline = make_pipeline(1000, faults=["silence@500"])
    producer, _ = pipeline.start()
    pipeline.written(400)

    assert producer.terminate(within=10) == 0

    pipeline.start_producer()
    pipeline.lossless()


def test_killed_in_its_first_second(make_pipeline):
    """Events that appear while it is dead are its own: before its first connection it noted when it began."""
    rng = random.Random(7)
    pipeline = make_pipeline(ENDLESS, rate=500)
    stream = pipeline.source.log.open()

    first = pipeline.start_producer()
    until(lambda: pipeline.source.log.sent, "the first connection", pause=0.002, seen=first.tail)
    first.kill()
    started = pipeline.checkpoint()["position"]["started_at"]
    missed_from = pipeline.source.log.available()
    until(lambda: pipeline.source.log.available() > missed_from + 100, "events that nobody reads")
    for _ in range(2):
        child = pipeline.start_producer()
        threading.Event().wait(rng.uniform(0.3, 1.0))
        child.kill()
    pipeline.start()
    pipeline.source.finish()
    pipeline.lossless(duplicates=True)

    due = {
        stream.event_id(n)
        for n in range(pipeline.source.log.count)
        if stream.timestamp(n) >= started and not stream.is_canary(n)
    }
    assert len(due) > 100
    assert due <= {row["event_id"] for row in pipeline.rows()}
