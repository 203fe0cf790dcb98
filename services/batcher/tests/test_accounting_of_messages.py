"""Every message received is accounted for, at any quiet moment and after every fault."""

import random

import pytest
from sluice_batcher.testing import Rig, names, packs
from sluice_core import wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import RefusedEntry
from sluice_core.errors import AccessDeniedError, TemporaryError


def balance(rig):
    """What was received, against what became of it."""
    whys = ("drain", "unknown-codec", "lease-lost", "unflushable")
    returned = sum(rig.metric("messages_returned_total", why=why) for why in whys)
    received = rig.metric("messages_received_total") - rig.metric("messages_redelivered_total")
    return received, rig.metric("messages_deleted_total") + returned + rig.metric("held_messages")


def test_a_message_is_counted_deleted_once_though_it_is_deleted_twice():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(1))
    rig.receive()
    while rig.batcher.flushers[0].step():
        pass

    def redelivered(action):
        """SQS takes the delete, and has given the message to us again in the meantime."""
        if action == "delete" and rig.queue._messages:
            rig.queue.before = lambda _: None
            next(iter(rig.queue._messages.values())).visible_at = 0
            assert rig.receive() == 1

    rig.queue.before = redelivered
    rig.settle()
    assert len(rig.queue) == 0
    assert rig.metric("messages_deleted_total") == 1
    assert balance(rig) == (1, 1)


def test_a_message_that_comes_again_after_its_delete_is_not_counted_again():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(1))
    message = next(iter(rig.queue._messages.values()))
    rig.run_dry()
    rig.queue._messages[message.message_id] = (
        message  # a standard queue may bring back what was deleted
    )
    message.visible_at = 0
    rig.run_dry()
    assert len(rig.queue) == 0
    assert rig.ids() == names(10)
    assert rig.metric("messages_deleted_total") == 1
    assert balance(rig) == (1, 1)


def test_a_delete_refused_for_good_is_a_lost_lease_and_no_delete():
    rig = Rig(batch_max_rows=10)
    rig.send(packs(1))
    rig.queue.refuse = lambda action, index, _: (
        RefusedEntry(index, "ReceiptHandleIsInvalid", "stale", permanent=True)
        if action == "delete"
        else None
    )
    rig.receive()
    rig.flush()
    assert rig.metric("messages_deleted_total") == 0
    assert balance(rig) == (1, 1)


def denied_for_a_while():
    """A batcher that holds a message and was not allowed to extend its lease, once; now nothing is denied."""
    rig = Rig(batch_max_rows=1000, batch_max_age=600)
    rig.queue.visibility_timeout = 30

    def denied(action):
        if action == "extend":
            raise AccessDeniedError("ChangeMessageVisibility is not allowed")

    rig.send(packs(1))
    rig.receive()
    rig.queue.before = denied
    rig.advance(20)
    rig.queue.before = lambda _: None
    return rig


def test_forbidden_does_not_outlive_the_first_extension_that_works():
    rig = denied_for_a_while()
    rig.advance(5)  # allowed again: extended
    rig.clock.advance(100)  # frozen past the lease: SQS delivers again
    rig.batcher.buffer.close_open()
    rig.flush()
    assert rig.rows() == [], "what SQS delivers again is dropped here"
    assert rig.metric("messages_returned_total", why="lease-lost") == 1
    assert balance(rig) == (1, 1)


def test_an_extension_that_failed_as_a_whole_tells_of_no_right():
    """A time-out comes as a refusal of each entry: a role that may not extend still may not."""
    rig = denied_for_a_while()
    rig.queue.refuse = lambda action, index, _: (
        RefusedEntry(index, "TemporaryError", "timed out", permanent=False)
        if action == "extend"
        else None
    )
    rig.advance(5)
    rig.clock.advance(100)
    rig.batcher.buffer.close_open()
    rig.flush()
    assert rig.ids() == names(10), "else the message goes round for ever"


def test_leases_of_a_queue_made_again_are_followed_like_any_other():
    rig = Rig(batch_max_rows=20)
    rig.send(packs(1))
    rig.receive()
    rig.queue.exists = False
    assert rig.receive() == 0
    rig.queue.exists = True
    rig.queue._messages.clear()
    rig.queue.created_at += 60
    rig.send(packs(1, start=10))
    rig.receive()  # of the new queue
    rig.clock.advance(600)  # both leases are over: only the new queue delivers again
    rig.flush()
    assert rig.ids() == names(10), "the old queue's message is written, the new one's dropped"
    rig.run_dry()
    assert rig.ids() == names(20)
    assert balance(rig) == (3, 3)


@pytest.mark.parametrize("seed", range(20))
def test_it_balances_after_random_faults(seed):
    chance = random.Random(seed)
    rig = Rig(batch_max_rows=30, batch_max_age=20)
    rig.queue.visibility_timeout = 10

    def sometimes(action):
        if chance.random() < 0.15 and action in ("receive", "delete", "extend"):
            raise TemporaryError("away")

    rig.queue.before = rig.queue.after = sometimes
    rig.queue.refuse = lambda action, index, _: (
        RefusedEntry(index, "InternalError", "", permanent=chance.random() < 0.3)
        if action in ("delete", "extend") and chance.random() < 0.1
        else None
    )
    sent = [*packs(30), OutMessage("x", {"sluice-codec": "newer;v9"})]
    sent += [wire.encode_heartbeat("test", 1.0)] * 5
    chance.shuffle(sent)
    for message in sent:
        rig.send([message])
        rig.receive()
        if chance.random() < 0.3:
            rig.clock.advance(chance.choice([1, 4, 11]))
        if chance.random() < 0.3:
            rig.keep_leases()
        if chance.random() < 0.4:
            rig.flush()
        received, told = balance(rig)
        assert received == told
    rig.queue.before = rig.queue.after = lambda _: None
    rig.queue.refuse = lambda *_: None
    for _ in range(20):
        rig.clock.advance(11)
        rig.receive(3)
        rig.flush()
    assert set(rig.ids()) == set(names(300))
    received, told = balance(rig)
    assert received == told
