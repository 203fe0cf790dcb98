"""Heartbeats through the real services and LocalStack: timed, deleted, in no row, object or account."""

import pytest
from harness import balance
from harness.account import data_keys
from harness.waiting import until

pytestmark = pytest.mark.functional

EVENTS = 1500


@pytest.mark.parametrize("wire", ["packed", "plain"])
def test_they_are_timed_and_the_data_know_nothing_of_them(make_pipeline, wire):
    pipeline = make_pipeline(EVENTS, settings={"SLUICE_WIRE": wire})
    producer = pipeline.start_producer(SLUICE_HEARTBEAT="1s")
    batcher = pipeline.start_batcher()

    def through():
        return batcher.metric("sluice_batcher_heartbeat_seconds_count")

    until(lambda: through() >= 3, "three heartbeats", deadline=60)
    until(
        lambda: pipeline.source.finished and not pipeline.account().lost,
        "all rows",
        deadline=60,
        seen=pipeline.state,
    )
    assert 0 < batcher.metric("sluice_batcher_last_heartbeat_seconds") < 60
    made = batcher.metric("sluice_batcher_last_heartbeat_timestamp_seconds")
    until(
        lambda: batcher.metric("sluice_batcher_last_heartbeat_timestamp_seconds") > made,
        "a newer heartbeat, though no event comes any more",
    )
    balance.holds(producer)
    balance.holds(batcher)
    assert producer.terminate(within=15) == 0, producer.tail()

    found = pipeline.lossless()

    assert found.rows == len(pipeline.source.expected())
    assert pipeline.cloud.dead_letters() == []
    until(lambda: batcher.metric("sluice_batcher_held_messages") == 0, "all messages deleted")
    assert batcher.metric("sluice_batcher_rows_written_total") == found.rows
    assert batcher.metric("sluice_batcher_freshness_seconds_count") == found.rows
    assert batcher.metric("sluice_batcher_messages_deleted_total") > through()
    for key in data_keys(pipeline.cloud):
        fetched = pipeline.cloud.bucket.get(key)
        assert "heartbeat" not in f"{key} {fetched.metadata} {fetched.body!r}"
    (proof,) = pipeline.cloud.bucket.list("_sluice/heartbeat")
    assert proof.size == 0
