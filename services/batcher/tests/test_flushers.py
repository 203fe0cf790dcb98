"""Batches are flushed side by side: one is encoded while S3 takes another, and none twice."""

import threading

import pytest
from sluice_batcher.testing import Rig, names, pack, packs
from sluice_core.service.clock import SystemClock


class Meeting:
    """Each PUT waits until another is under way; `alone` when none came in time."""

    def __init__(self, seconds: float) -> None:
        self._barrier = threading.Barrier(2)
        self._seconds = seconds
        self.met = 0
        self.alone = 0

    def __call__(self, action: str) -> None:
        if action != "put":
            return
        try:
            self._barrier.wait(self._seconds)
            self.met += 1
        except threading.BrokenBarrierError:
            self.alone += 1


def test_two_batches_are_on_their_way_to_s3_at_once():
    rig = Rig(SystemClock(), batch_max_rows=10, flushers=2, receive_wait=1)
    rig.bucket.before = meeting = Meeting(30)
    rig.send(packs(20))
    running = rig.run()
    running.wait_until(lambda: len(rig.ids()) == 200)
    rig.stop.request()
    assert running.join() == 0
    assert (meeting.met, meeting.alone) == (20, 0)
    assert rig.ids() == names(200)
    assert len(rig.queue) == 0


def test_a_hook_is_called_by_one_thread(tmp_path, monkeypatch):
    (tmp_path / "hook_of_one_thread.py").write_text(
        "import threading\nthreads = set()\n"
        "def hook(frame):\n    threads.add(threading.current_thread().name)\n    return frame\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    rig = Rig(SystemClock(), batch_max_rows=10, flushers=8, transform="hook_of_one_thread:hook")
    import hook_of_one_thread

    rig.send(packs(20))
    running = rig.run()
    running.wait_until(lambda: len(rig.ids()) == 200)
    rig.stop.request()
    assert running.join() == 0
    assert hook_of_one_thread.threads == {"flusher-0"}


def test_what_is_said_once_is_said_once_by_all_flushers(capsys):
    rig = Rig(batch_max_rows=10, flushers=2)
    rig.send([pack([{"meta": {"id": f"{n}-{i}"}} for i in range(10)]) for n in range(2)])
    rig.receive()
    for flusher in rig.batcher.flushers:
        assert flusher.step()
    assert capsys.readouterr().out.count("without a time of their own") == 1
    assert rig.metric("rows_without_event_time_total") == 20


@pytest.mark.parametrize("columns", ["raw", "recentchange"])
def test_while_s3_takes_an_object_its_events_are_held_by_nobody(columns):
    rig = Rig(format="jsonl", columns=columns, batch_max_rows=10)
    rig.send(packs(1))
    rig.receive()
    (held,) = rig.batcher.in_flight._held.values()
    assert held.events
    seen = []
    rig.bucket.before = lambda _action: seen.append([*held.events, *held.rows])
    assert rig.batcher.flushers[0].step()
    assert seen == [[]]
    assert len(rig.rows()) == 10


@pytest.mark.parametrize("flushers", [1, 4])
def test_a_stop_flushes_what_is_left_once(flushers):
    rig = Rig(SystemClock(), batch_max_rows=1000, flushers=flushers, receive_wait=1)
    rig.send(packs(3))
    running = rig.run()
    running.wait_until(lambda: rig.batcher.buffer.rows == 30)
    rig.stop.request()
    assert running.join() == 0
    assert rig.ids() == names(30)
    assert len(rig.bucket.objects) == 1
    assert len(rig.queue) == 0


@pytest.mark.parametrize(
    ("settings", "flushers"),
    [
        ({"batch_max_rows": 10_000}, 2),
        ({"batch_max_rows": 10_001}, 1),
        ({"batch_max_rows": 10_001, "flushers": 3}, 3),
    ],
)
def test_large_batches_are_flushed_one_by_one_unless_asked_for(settings, flushers):
    assert len(Rig(**settings).batcher.flushers) == flushers
