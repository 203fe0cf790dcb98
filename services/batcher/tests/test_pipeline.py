"""The whole batcher over in-memory SQS and S3: ids in = ids out."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from sluice_batcher.testing import FailTimes, Rig, event, names, pack, packs
from sluice_core import wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import RefusedEntry
from sluice_core.errors import (
    MissingResourceError,
    PermanentError,
    TemporaryError,
)
from sluice_core.testing import FakeClock, no_fault


def data_keys(rig):
    return [key for key in rig.bucket.objects if not key.startswith("_sluice/")]


def test_packs_become_objects_and_are_deleted():
    rig = Rig(batch_max_rows=25)
    rig.send(packs(5))
    assert rig.receive() == 5
    assert rig.flush() == 1
    assert rig.ids() == names(30)
    assert len(rig.queue) == 2
    rig.advance(30)
    assert rig.flush() == 1
    assert rig.ids() == names(50)
    assert len(rig.queue) == 0
    assert rig.metric("flushes_total", reason="rows") == 1
    assert rig.metric("flushes_total", reason="age") == 1
    assert rig.metric("rows_written_total") == 50
    assert rig.metric("messages_deleted_total") == 5


def test_an_object_holds_at_most_the_limit_and_one_pack_less_one():
    rig = Rig(batch_max_rows=25)
    rig.send(packs(40, size=7))
    rig.run_dry()
    sizes = [len(found.body.splitlines()) for found in rig.bucket.objects.values()]
    assert max(sizes) <= 25 + 7 - 1
    assert rig.ids() == names(280)


def test_a_mark_is_found_in_the_metadata_of_its_batch():
    rig = Rig(batch_max_rows=10)
    marked = wire.encode_plain(json.dumps(event("m")).encode(), source="test", event_id="m")
    rig.send([OutMessage(marked.body, {**marked.attributes, "sluice-mark": "test-1"})])
    rig.send([OutMessage(marked.body, {**marked.attributes, "sluice-mark": "no\nheader"})])
    rig.send(packs(1))
    rig.run_dry()
    rig.send(packs(1, start=10))
    rig.run_dry()
    found = [stored.metadata.get("marks") for stored in rig.bucket.objects.values()]
    assert sorted(found, key=str) == [None, "test-1"]


def test_names_metadata_and_privacy():
    rig = Rig(batch_max_rows=10)
    first = event("é\n1", dt="2026-11-23T14:05:00Z")
    rig.send([pack([first, *(event(f"x{n}") for n in range(9))])])
    rig.receive()
    rig.flush()
    (key,) = rig.bucket.objects
    assert key.startswith("events/dt=2026-11-23/hour=14/batch-")
    assert key.endswith(".jsonl")
    metadata = rig.bucket.objects[key].metadata
    assert metadata["rows"] == "10"
    assert metadata["first-event-id"] == "%C3%A9%0A1"
    assert metadata["last-event-id"] == "x8"
    assert len(metadata["packs-sha256"]) == 64
    assert metadata["sluice-version"]
    assert b"#1" not in rig.bucket.objects[key].body, "a receipt handle is in the output"


def test_both_wires_in_one_batch():
    rig = Rig(batch_max_rows=12)
    plain = [
        wire.encode_plain(json.dumps(event(f"p{n}")).encode(), source="s", event_id=None)
        for n in range(2)
    ]
    rig.send([*packs(1), *plain])
    rig.receive()
    rig.flush()
    assert rig.ids() == [*names(10), "p0", "p1"]


def test_thirty_hours_at_once():
    rig = Rig(batch_max_rows=5000)
    events = [
        event(f"e{n:05d}", dt=f"2026-11-{22 + n // 24:02d}T{n % 24:02d}:30:00Z") for n in range(30)
    ]
    rig.send([pack(events) for _ in range(1)])
    rig.run_dry()
    assert len(data_keys(rig)) == 30
    assert rig.ids() == names(30)
    assert {key.split("/")[1] for key in data_keys(rig)} == {"dt=2026-11-22", "dt=2026-11-23"}


def test_nothing_is_deleted_until_all_partitions_are_stored():
    rig = Rig(batch_max_rows=2, uploads=1)
    rig.send([pack([event("a", dt="2026-11-23T14:00:00Z"), event("b", dt="2026-11-23T15:00:00Z")])])
    seen = []

    def before(action):
        seen.append((action, len(rig.bucket.objects), len(rig.queue.deleted)))
        if action == "put" and len(seen) < 6 and len(rig.bucket.objects) == 1:
            raise TemporaryError("S3 is away")

    rig.bucket.before = before
    rig.receive()
    rig.flush()
    assert all(deleted == 0 for _, _, deleted in seen)
    assert rig.ids() == ["a", "b"]
    assert rig.queue.deleted == ["m0"]


def test_s3_down_for_long_keeps_extends_and_loses_nothing():
    rig = Rig(batch_max_rows=10, visibility_timeout=30)
    rig.queue.visibility_timeout = 30
    rig.send(packs(6))
    down = {"left": 200}

    def before(action):
        if action == "put" and down["left"]:
            down["left"] -= 1
            rig.batcher.keeper.step()
            rig.batcher.receivers[0].step()
            raise TemporaryError("503 Slow Down")

    rig.bucket.before = before
    start = rig.clock.monotonic()
    rig.receive()
    rig.flush()
    assert rig.clock.monotonic() - start > 300, "the outage outlasted the visibility timeout"
    rig.run_dry()
    assert rig.ids() == names(60)
    assert rig.metric("visibility_extensions_total") > 0
    assert rig.metric("messages_redelivered_total") == 0
    assert rig.metric("put_failures_total") == 200
    assert len(rig.queue) == 0


def test_a_full_batcher_stops_receiving():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(30))
    assert rig.receive() == 10
    assert rig.receive(5) == 0
    assert not rig.batcher.has_room()
    rig.run_dry()
    assert rig.ids() == names(300)


def test_a_lost_reply_of_s3_writes_once():
    rig = Rig(batch_max_rows=10)
    rig.bucket.after = FailTimes("put", 1, TemporaryError("connection reset"))
    rig.send(packs(1))
    rig.receive()
    rig.flush()
    assert rig.ids() == names(10)
    assert len(data_keys(rig)) == 1
    assert len(rig.queue) == 0


def test_conflict_with_a_try_under_way_is_not_taken_for_written():
    from sluice_core.errors import PreconditionError

    rig = Rig(batch_max_rows=10)
    rig.bucket.before = FailTimes("put", 2, PreconditionError("409 ConditionalRequestConflict"))
    rig.send(packs(1))
    rig.receive()
    rig.flush()
    assert rig.ids() == names(10)


def test_a_bucket_that_denies_is_waited_for():
    rig = Rig(batch_max_rows=10)
    rig.bucket.before = FailTimes("put", 3, PermanentError("AccessDenied"))
    rig.send(packs(1))
    rig.receive()
    rig.flush()
    assert rig.ids() == names(10)
    assert rig.health.not_ready() == {}


def test_failed_deletes_are_retried_entry_by_entry():
    rig = Rig(batch_max_rows=50)
    tries = []

    def refuse(action, index, _):
        if action == "delete" and index in (1, 3) and len(tries) < 6:
            tries.append(index)
            return RefusedEntry(index, "InternalError", "again", permanent=False)
        return None

    rig.queue.refuse = refuse
    rig.send(packs(5))
    rig.receive()
    rig.flush()
    assert len(rig.queue) == 0
    assert sorted(rig.queue.deleted) == [f"m{n}" for n in range(5)]
    assert rig.metric("delete_failures_total") == len(tries)
    assert rig.ids() == names(50)


def test_sqs_refusing_deletes_for_long_writes_nothing_twice():
    rig = Rig(batch_max_rows=10)
    rig.queue.before = FailTimes("delete", 20, TemporaryError("SQS is away"))
    rig.send(packs(1))
    rig.receive()
    rig.flush()
    rig.clock.advance(100)
    rig.run_dry()
    assert rig.ids() == names(10)
    assert len(rig.queue) == 0


def test_a_delete_whose_reply_was_lost_is_only_deleted_again():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(1))
    rig.receive()
    rig.batcher.flushers[0].step()
    message = next(iter(rig.queue._messages.values()))
    rig.settle()
    assert len(rig.queue) == 0
    # SQS may deliver a deleted message once more (one of its servers was away).
    message.visible_at = 0
    rig.queue._messages[message.message_id] = message
    assert rig.receive() == 1
    assert rig.batcher.flushers[0].step() is False
    rig.settle()
    assert len(rig.queue) == 0
    assert rig.ids() == names(10)
    assert rig.metric("messages_redelivered_total") == 1


def test_a_duplicate_send_is_two_rows_that_can_be_counted():
    rig = Rig(batch_max_rows=100)
    rig.send(packs(1) * 2)
    rig.run_dry()
    assert rig.ids() == sorted(names(10) * 2)


def test_a_row_without_a_time_goes_by_when_its_message_was_sent():
    rig = Rig(FakeClock(1_795_442_700.0), batch_max_rows=1)
    rig.send([wire.encode_plain(b'{"id": 1}', source="s", event_id="sse-7")])
    rig.clock.advance(7200)
    rig.receive()
    rig.flush()
    assert [key.split("/batch")[0] for key in data_keys(rig)] == ["events/dt=2026-11-23/hour=14"]
    assert rig.ids() == ["sse-7"]


def test_a_message_that_a_bug_in_us_cannot_flush_stops_no_other():
    rig = Rig(batch_max_rows=40)
    rig.send(packs(4))
    rig.receive()
    make = rig.batcher.flushers[0]._maker.make

    def broken(messages):
        if any(held.message_id == "m2" for held in messages):
            raise RuntimeError("a bug")
        return make(messages)

    rig.batcher.flushers[0]._maker.make = broken
    rig.flush()
    assert rig.ids() == sorted(set(names(40)) - set(names(10, start=20)))
    assert len(rig.queue) == 1
    assert rig.batcher.buffer.rows == 0


def test_restart_after_a_kill_loses_nothing():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(3))
    rig.receive()
    rig.batcher.flushers[0].step()
    rig.restart()
    rig.clock.advance(31)
    rig.run_dry()
    assert set(rig.ids()) == set(names(30))
    assert len(rig.ids()) == 40, "what was stored and not deleted is there twice"
    assert len(rig.queue) == 0


def test_queue_errors_while_receiving_never_end_the_loop():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(1))
    for error in (TemporaryError("x"), MissingResourceError("y"), PermanentError("z")):
        rig.queue.before = FailTimes("receive", 1, error)
        assert rig.receive() == 0
        assert "queue" in rig.health.not_ready()
    assert rig.receive() == 1
    assert "queue" not in rig.health.not_ready()
    assert rig.metric("receive_failures_total") == 3


def set_faults(rig, fault):
    rig.bucket.before = rig.queue.before = rig.queue.after = rig.bucket.after = fault


ACTIONS = st.sampled_from(
    ["receive", "flush", "settle", "advance", "lease", "kill", "fault", "replay"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, max_size=40), st.randoms(use_true_random=False), st.integers(1, 30))
def test_whatever_happens_nothing_is_lost(script, rng, limit):
    """Random interleavings of work, kills, faults and redelivery: afterwards every id is there."""
    rig = Rig(batch_max_rows=limit, batch_max_age=20)
    rig.send(packs(8, size=4))

    def flaky(_action):
        if rng.random() < 0.3:
            raise TemporaryError("chance")

    def work_with_faults():
        set_faults(rig, flaky)
        rig.receive()
        rig.flush()
        set_faults(rig, no_fault)

    def replay():
        for message in rig.queue._messages.values():
            message.visible_at = min(message.visible_at, rng.choice([0.0, 1e12]))

    act = {
        "fault": work_with_faults,
        "replay": replay,
        "kill": rig.restart,
        "advance": lambda: rig.clock.advance(rng.choice([1, 10, 40])),
        "lease": rig.keep_leases,
        "receive": rig.receive,
        "flush": rig.flush,
        "settle": rig.settle,
    }
    for action in script:
        act[action]()
    rig.clock.advance(60)
    rig.run_dry()
    assert set(rig.ids()) == set(names(32))
    assert len(rig.queue) == 0
    if "kill" not in script and "fault" not in script:
        assert rig.ids() == names(32)
