"""The batcher over in-memory SQS and S3: leases, how they are lost, and clocks."""

from sluice_batcher.testing import Rig, names, packs
from sluice_core.errors import (
    AccessDeniedError,
)


def test_redelivery_while_held_replaces_the_handle():
    rig = Rig(batch_max_rows=20, batch_max_age=100)
    rig.queue.visibility_timeout = 30
    rig.send(packs(1))
    rig.receive()
    rig.clock.advance(31)
    assert rig.receive() == 1
    rig.clock.advance(25)
    rig.send(packs(1, start=10))
    rig.receive()
    rig.flush()
    assert rig.ids() == names(20)
    assert len(rig.queue) == 0
    assert rig.metric("messages_redelivered_total") == 1


def test_a_freeze_past_the_lease_drops_what_sqs_delivers_again():
    rig = Rig(batch_max_rows=20)
    rig.send(packs(1))
    rig.receive()
    rig.clock.advance(600)
    assert rig.flush() == 1
    assert rig.rows() == []
    assert rig.metric("messages_returned_total", why="lease-lost") == 1
    rig.run_dry()
    assert rig.ids() == names(10)
    assert len(rig.queue) == 0


def test_a_freeze_in_the_middle_of_a_poll_is_noticed():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(1))
    rig.queue.after = lambda action: rig.clock.advance(300) if action == "receive" else None
    rig.receive()
    rig.queue.after = lambda action: None
    rig.flush()
    assert rig.rows() == []
    rig.run_dry()
    assert rig.ids() == names(10)


def test_a_queue_made_again_gives_nothing_back_so_what_is_held_is_written():
    rig = Rig(batch_max_rows=20)
    rig.send(packs(1))
    rig.receive()
    rig.queue._messages.clear()
    rig.queue.created_at += 1
    rig.clock.advance(600)
    rig.flush()
    assert rig.ids() == names(10)


def test_queue_gone_is_waited_for_and_what_is_held_is_written():
    rig = Rig(batch_max_rows=20)
    rig.send(packs(1))
    rig.receive()
    rig.queue.exists = False
    assert rig.receive(3) == 0
    assert "queue" in rig.health.not_ready()
    rig.clock.advance(60)
    rig.batcher.flushers[0].step()
    assert rig.ids() == names(10)
    rig.queue.exists = True
    rig.queue._messages.clear()
    rig.send(packs(1, start=10))
    rig.run_dry()
    assert rig.ids() == names(20)
    assert "queue" not in rig.health.not_ready()


def test_leases_are_extended_at_half_life_but_never_past_twelve_hours():
    rig = Rig(batch_max_rows=20, batch_max_age=40_000)
    rig.send(packs(1))
    rig.receive()
    message = rig.queue._messages["m0"]
    for _ in range(43_300 // 10):
        rig.clock.advance(10)
        rig.batcher.keeper.step()
        if message.visible_at < rig.clock.monotonic():
            break
    held_for = rig.clock.monotonic() - 1000.0
    assert 43_200 - 30 <= held_for <= 43_200 + 30
    assert rig.metric("visibility_extensions_total") < 43_300 / 14


def test_an_extension_that_sqs_refuses_is_a_lost_lease():
    rig = Rig(batch_max_rows=20)
    rig.send(packs(1))
    rig.receive()
    rig.queue._messages["m0"].visible_at = 0
    other = rig.queue.receive()
    rig.clock.advance(16)
    rig.batcher.keeper.step()
    rig.clock.advance(14)
    rig.flush()
    assert rig.rows() == [], "the other batcher has it"
    rig.queue.delete([other[0].receipt_handle])
    assert rig.metric("visibility_extension_failures_total") == 1


def test_without_the_right_to_extend_rows_are_written_all_the_same():
    def denied(action):
        if action == "extend":
            raise AccessDeniedError("ChangeMessageVisibility is not allowed")

    rig = Rig(batch_max_rows=20, batch_max_age=45)
    rig.send(packs(1))
    rig.queue.before = denied
    rig.receive()
    rig.advance(46)
    rig.flush()
    assert rig.ids() == names(10), "else the message goes round for ever"


def test_the_same_message_twice_in_one_batch_is_one():
    rig = Rig(batch_max_rows=100)
    rig.send(packs(2))
    rig.receive()
    for message in rig.queue._messages.values():
        message.visible_at = 0
    assert rig.receive() == 2
    rig.run_dry()
    assert rig.ids() == names(20)


def test_a_clock_that_goes_backwards():
    rig = Rig(batch_max_rows=20)
    rig.send(packs(1))
    rig.receive()
    rig.clock.jump(-86_400 * 400)
    rig.batcher.keeper.step()
    assert rig.flush() == 0
    rig.clock.advance(29)
    rig.clock.jump(-1e9)
    assert rig.flush() == 0
    rig.clock.advance(0.9)
    rig.batcher.keeper.step()
    rig.clock.advance(0.1)
    assert rig.flush() == 1
    assert rig.ids() == names(10)
    assert rig.metric("freshness_seconds_bucket", le="1.0") == 10
