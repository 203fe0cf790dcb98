"""The way out, with real threads: signals are `stop.request` (the first) and `stop.force` (the second)."""

import threading

import pytest
from sluice_batcher.testing import Rig, event, pack
from sluice_core.errors import TemporaryError
from sluice_core.service.clock import SystemClock


class Poll:
    """Makes the fake queue's receive a long poll: it comes back empty after a while, at once when told."""

    def __init__(self, rig, seconds=0.02):
        self.rig, self.seconds, self.release = rig, seconds, threading.Event()
        rig.queue.before = self

    def __call__(self, action):
        if action == "receive" and not any(
            m.visible_at <= self.rig.queue.clock.monotonic()
            for m in list(self.rig.queue._messages.values())
        ):
            self.release.wait(self.seconds)


def packs(count, size=10):
    return [
        pack([event(f"e{n:05d}") for n in range(first, first + size)])
        for first in range(0, count * size, size)
    ]


def names(count):
    return [f"e{n:05d}" for n in range(count)]


def test_runs_and_drains_what_is_held():
    rig = Rig(
        SystemClock(), batch_max_rows=1000, batch_max_age=600, shutdown_grace=10, receive_wait=1
    )
    Poll(rig)
    running = rig.run()
    rig.send(packs(25))
    running.wait_until(lambda: running.batcher.buffer.rows == 250)
    assert rig.rows() == []
    rig.stop.request()
    assert running.join() == 0
    assert rig.ids() == names(250)
    assert len(rig.queue) == 0
    assert rig.metric("flushes_total", reason="drain") == 1
    assert rig.health.stuck() == {}


def test_a_drain_may_hand_back_what_is_not_a_full_batch():
    rig = Rig(
        SystemClock(),
        batch_max_rows=100,
        batch_max_age=600,
        shutdown_grace=10,
        receive_wait=1,
        drain="return",
    )
    Poll(rig)
    running = rig.run()
    rig.send(packs(25))
    running.wait_until(lambda: len(rig.ids()) == 200 and running.batcher.buffer.rows == 50)
    rig.stop.request()
    assert running.join() == 0
    assert len(rig.ids()) == 200, "no object under its size"
    assert rig.queue.attributes().visible == 5, "visible at once, for another batcher"
    assert rig.metric("messages_returned_total", why="drain") == 5
    rig.settings = rig.settings.model_copy(update={"drain": "flush"})
    again = rig.run()
    again.wait_until(lambda: again.batcher.buffer.rows == 50)
    rig.stop.request()
    assert again.join() == 0
    assert rig.ids() == names(250)


def test_the_outstanding_poll_is_finished_and_written():
    rig = Rig(
        SystemClock(),
        batch_max_rows=1000,
        batch_max_age=600,
        receivers=1,
        shutdown_grace=10,
        receive_wait=1,
    )
    poll = Poll(rig, seconds=10)
    running = rig.run()
    running.wait_until(lambda: running.batcher.receivers)
    rig.stop.request()
    rig.send(packs(2))
    poll.release.set()
    assert running.join() == 0
    assert set(rig.ids()) <= set(names(20))
    assert len(rig.ids()) + 10 * len(rig.queue) == 20


def test_a_stop_under_load_neither_loses_nor_doubles():
    rig = Rig(
        SystemClock(), batch_max_rows=50, batch_max_age=600, shutdown_grace=10, receive_wait=1
    )
    Poll(rig)
    rig.send(packs(300))
    running = rig.run()
    running.wait_until(lambda: len(rig.bucket.objects) > 5)
    rig.stop.request()
    assert running.join() == 0
    assert len(rig.ids()) + 10 * len(rig.queue) == 3000
    again = rig.run()
    again.wait_until(lambda: not len(rig.queue))
    rig.stop.request()
    assert again.join() == 0
    assert rig.ids() == names(3000)


def test_s3_down_hands_the_messages_back_within_the_grace():
    rig = Rig(SystemClock(), batch_max_rows=10, shutdown_grace=4, receive_wait=0)

    def down(action):
        raise TemporaryError("S3 is away")

    rig.bucket.before = down
    Poll(rig)
    rig.send(packs(4))
    running = rig.run()
    running.wait_until(lambda: rig.metric("put_failures_total") > 1)
    start = rig.clock.monotonic()
    rig.stop.request()
    assert running.join() == 0
    assert rig.clock.monotonic() - start < 4.5
    assert rig.queue.attributes().visible == 4, "visible at once, for a batcher that can write"
    assert rig.metric("messages_returned_total", why="drain") >= 2
    rig.bucket.before = lambda action: None
    again = rig.run()
    again.wait_until(lambda: not len(rig.queue))
    rig.stop.request()
    assert again.join() == 0
    assert rig.ids() == names(40)


def test_a_second_signal_leaves_at_once_and_loses_nothing():
    rig = Rig(SystemClock(), batch_max_rows=10, shutdown_grace=60, receive_wait=1)

    def down(action):
        raise TemporaryError("S3 is away")

    rig.bucket.before = down
    Poll(rig)
    rig.send(packs(2))
    running = rig.run()
    running.wait_until(lambda: rig.metric("put_failures_total") > 0)
    start = rig.clock.monotonic()
    rig.stop.request()
    rig.stop.force()
    assert running.join() == 1
    assert rig.clock.monotonic() - start < 5
    assert len(rig.queue) == 2


def test_a_hand_back_that_hangs_does_not_outlast_the_grace_period():
    rig = Rig(
        SystemClock(), batch_max_rows=1000, batch_max_age=600, shutdown_grace=5, receive_wait=1,
        drain="return",
    )  # fmt: skip
    poll, never = Poll(rig), threading.Event()

    def hanging(action):
        if action == "extend":
            never.wait(60)
        poll(action)

    rig.queue.before = hanging
    rig.send(packs(25))
    running = rig.run()
    running.wait_until(lambda: running.batcher.buffer.rows == 250)
    rig.stop.request()
    running.join(30)
    ended = running.code is not None
    never.set()
    assert ended, "the process waits for a call that hangs"
    assert len(rig.queue) == 25


def test_dead_letters_are_sent_before_the_end():
    rig = Rig(
        SystemClock(), batch_max_rows=1000, batch_max_age=600, shutdown_grace=10, receive_wait=1
    )
    Poll(rig)
    rig.send([pack([event("a"), b"junk"])])
    running = rig.run()
    running.wait_until(lambda: running.batcher.buffer.rows)
    rig.stop.request()
    assert running.join() == 0
    assert [dead_letter.body for dead_letter in rig.dead()] == ["junk"]
    assert rig.ids() == ["a"]
    assert len(rig.queue) == 0


@pytest.mark.parametrize("part", ["flusher", "keeper", "outbox", "deleter"])
def test_a_crashed_thread_ends_the_process(part, monkeypatch):
    rig = Rig(SystemClock(), batch_max_rows=1000, shutdown_grace=5, receive_wait=1)
    Poll(rig)
    with monkeypatch.context() as patch:
        from sluice_batcher.inflight import deleter, leases
        from sluice_batcher.write import flusher
        from sluice_core.deadletter import outbox

        owner = {
            "flusher": flusher.Flusher,
            "keeper": leases.LeaseKeeper,
            "outbox": outbox.DeadLetterOutbox,
            "deleter": deleter.Deleter,
        }[part]

        def crash(*_args):
            raise RuntimeError("a bug")

        patch.setattr(owner, "step", crash)
        running = rig.run()
        assert running.join() == 1
