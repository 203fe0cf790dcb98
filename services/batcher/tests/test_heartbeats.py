"""Heartbeats on their way in: timed when S3 has their batch, deleted, never a row."""

import pytest
from sluice_batcher.testing import FailTimes, Rig, event, names, pack, packs
from sluice_core import wire
from sluice_core.aws.messages import OutMessage
from sluice_core.errors import AccessDeniedError, TemporaryError

OBJECT = "_sluice/heartbeat"


def beat(rig, age=0.0):
    return wire.encode_heartbeat("test", rig.clock.now() - age)


def balance(rig):
    """Messages received for the first time; deleted, returned and held."""
    whys = ("drain", "unknown-codec", "lease-lost", "unflushable")
    returned = sum(rig.metric("messages_returned_total", why=why) for why in whys)
    received = rig.metric("messages_received_total") - rig.metric("messages_redelivered_total")
    return received, rig.metric("messages_deleted_total") + returned + rig.metric("held_messages")


def test_it_is_timed_when_its_batch_is_stored_and_leaves_no_trace_in_the_data():
    rig = Rig(batch_max_rows=20)
    plain = Rig(batch_max_rows=20)
    made_at = rig.clock.now()
    rig.send([*packs(1), wire.encode_heartbeat("test", made_at)])
    rig.receive()
    rig.flush()
    assert rig.metric("heartbeat_seconds_count") == 0, "S3 does not have its batch yet"
    assert len(rig.queue) == 2
    rig.advance(12)
    for each in (rig, plain):
        each.send(packs(1, start=10))
        each.receive()
    plain.send(packs(1))
    plain.receive()
    rig.flush()
    plain.flush()
    assert rig.metric("heartbeat_seconds_count") == 1
    assert rig.metric("last_heartbeat_seconds") == rig.metric("heartbeat_seconds_sum")
    assert rig.metric("heartbeat_seconds_sum") == pytest.approx(12, abs=0.01)
    assert rig.metric("last_heartbeat_timestamp_seconds") == pytest.approx(made_at, abs=0.001)
    assert rig.ids() == names(20)
    assert OBJECT not in rig.bucket.objects, "rows were stored: nothing else is needed"
    (stored,), (other,) = rig.bucket.objects.values(), plain.bucket.objects.values()
    assert stored.metadata.keys() == other.metadata.keys()
    assert rig.metric("rows_written_total") == 20
    assert len(rig.queue) == 0
    assert balance(rig) == (3, 3)
    assert rig.dead() == []


def test_without_rows_one_empty_object_outside_of_the_data_proves_that_s3_takes():
    rig = Rig(batch_max_age=30)
    for _ in range(3):
        rig.send([beat(rig, age=5)])
        rig.run_dry()
        assert rig.receive() == 0
        rig.advance(60)
        rig.flush()
    assert rig.metric("heartbeat_seconds_count") == 3
    assert list(rig.bucket.objects) == [OBJECT]
    assert rig.bucket.objects[OBJECT].body == b""
    assert rig.metric("rows_written_total") == 0
    assert rig.metric("objects_written_total", format="jsonl") == 0
    assert rig.metric("batch_rows_count") == 0
    assert rig.metric("flushes_total", reason="age") == 0
    assert len(rig.queue) == 0
    assert balance(rig) == (3, 3)


@pytest.mark.parametrize("error", [AccessDeniedError("no"), TemporaryError("away")])
def test_a_bucket_that_does_not_take_it_leaves_it_untimed_and_stops_nothing(error):
    rig = Rig(batch_max_age=30)
    rig.send([beat(rig)])
    rig.receive()
    rig.bucket.before = FailTimes("put", 1, error)
    rig.advance(30)
    rig.flush()
    assert rig.metric("heartbeat_seconds_count") == 0
    assert rig.metric("last_heartbeat_timestamp_seconds") == 0
    assert rig.metric("put_failures_total") == 1
    assert len(rig.queue) == 0
    rig.send([*packs(1), beat(rig)])
    rig.run_dry()
    assert rig.ids() == names(10)
    assert rig.metric("heartbeat_seconds_count") == 1


def test_rows_that_s3_refuses_keep_their_heartbeat_waiting():
    rig = Rig(batch_max_rows=10)
    made_at = rig.clock.now()
    rig.bucket.before = FailTimes("put", 3, TemporaryError("away", delay=20.0))
    rig.send([beat(rig)])
    rig.receive()
    rig.send(packs(1))
    rig.receive()
    rig.flush()
    assert rig.metric("heartbeat_seconds_count") == 1
    assert rig.metric("heartbeat_seconds_sum") == pytest.approx(
        rig.clock.now() - made_at, abs=0.001
    )
    assert rig.metric("heartbeat_seconds_sum") >= 60
    assert OBJECT not in rig.bucket.objects


def test_a_batcher_that_knows_no_heartbeats_deletes_them_and_writes_nothing():
    rig = Rig()
    message = beat(rig)
    attributes = {k: v for k, v in message.attributes.items() if k != wire.A_HEARTBEAT}
    rig.send([OutMessage(message.body, attributes), *packs(1)])
    rig.run_dry()
    assert rig.ids() == names(10)
    assert rig.dead() == []
    assert len(rig.queue) == 0
    assert rig.metric("heartbeat_seconds_count") == 0


def test_events_under_a_heartbeats_attribute_are_rows_all_the_same():
    rig = Rig()
    rig.send([pack([event("a")], sluice_heartbeat="1764140000.000")])
    rig.run_dry()
    assert rig.ids() == ["a"]
    assert rig.metric("heartbeat_seconds_count") == 0


def test_one_from_a_clock_ahead_of_ours_took_no_time_and_an_older_one_is_not_the_newest():
    rig = Rig(batch_max_rows=10)
    ahead = rig.clock.now() + 5
    rig.send([wire.encode_heartbeat("test", ahead), beat(rig, age=100), *packs(1)])
    rig.run_dry()
    assert rig.metric("heartbeat_seconds_count") == 2
    assert rig.metric("heartbeat_seconds_bucket", le="1.0") == 1
    assert rig.metric("last_heartbeat_timestamp_seconds") == pytest.approx(ahead, abs=0.001)


def test_a_lost_lease_leaves_it_to_whoever_gets_it_next():
    rig = Rig(batch_max_age=60)
    rig.queue.visibility_timeout = 30
    rig.send([beat(rig)])
    rig.receive()
    rig.clock.advance(100)  # frozen past the lease
    rig.flush()
    assert rig.metric("heartbeat_seconds_count") == 0
    assert rig.metric("messages_returned_total", why="lease-lost") == 1
    assert balance(rig) == (1, 1)


def test_a_drain_that_writes_what_it_has_times_it_too():
    rig = Rig(batch_max_age=600, drain="flush")
    rig.send([beat(rig), *packs(1)])
    rig.receive()
    rig.batcher.flushers[0].close()
    rig.flush()
    assert rig.ids() == names(10)
    assert rig.metric("heartbeat_seconds_count") == 1
    assert len(rig.queue) == 0
