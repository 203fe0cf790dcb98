"""Stages under threads: data in is data out, in every order of closing, failing and forcing."""

import queue
import random
import threading
from dataclasses import dataclass, field

from sluice_core.errors import PermanentError
from sluice_core.service.clock import SystemClock
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health
from sluice_core.service.threads import Threads

PATIENCE = 20.0


def make_runtime():
    clock = SystemClock()
    return Runtime(Stop(), clock, random.Random(1), Health(clock), None)


@dataclass
class Relay:
    """Hands on what it gets; `fails_at`: the item on which it fails."""

    name: str
    out: "list | Relay"
    fails_at: int | None = None
    hangs: threading.Event | None = None
    items: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    wake: threading.Event = field(default_factory=threading.Event)
    closed: bool = False

    def put(self, item):
        self.items.put(item)
        self.wake.set()

    def step(self):
        if self.hangs is not None:
            self.hangs.wait(PATIENCE)
        try:
            item = self.items.get_nowait()
        except queue.Empty:
            return False
        if item == self.fails_at:
            raise PermanentError("no more")
        (self.out.append if isinstance(self.out, list) else self.out.put)(item)
        return True

    def due_in(self):
        return None

    def close(self):
        self.closed = True


def test_the_list_walked_is_the_drain():
    arrived = []
    last = Relay("last", arrived)
    middle = Relay("middle", last)
    first = Relay("first", middle)
    runtime = make_runtime()
    threads = Threads(runtime)
    for stage in (first, middle, last):
        threads.start(stage)
    for item in range(1000):
        first.put(item)
    for stage in (first, middle, last):
        assert threads.close([stage], seconds=PATIENCE)
    assert arrived == list(range(1000))
    assert runtime.health.stuck() == {}


def test_a_stage_that_fails_requests_the_stop_and_the_rest_drains():
    arrived = []
    last = Relay("last", arrived)
    first = Relay("first", last, fails_at=3)
    runtime = make_runtime()
    threads = Threads(runtime)
    for stage in (first, last):
        threads.start(stage)
    for item in range(10):
        first.put(item)
    assert runtime.stop.event.wait(PATIENCE)
    assert not runtime.stop.forced
    assert threads.close([first], seconds=PATIENCE)
    assert threads.close([last], seconds=PATIENCE)
    assert arrived == [0, 1, 2]
    assert isinstance(threads.failure, PermanentError)
    assert "first" in runtime.health.not_ready()


def test_a_failure_without_which_nothing_drains_forces_the_stop():
    stage = Relay("only", [], fails_at=0)
    runtime = make_runtime()
    threads = Threads(runtime)
    threads.start(stage, force_on_failure=True)
    stage.put(0)
    assert runtime.stop.forced_event.wait(PATIENCE)


def test_a_hanging_stage_holds_nobody_past_the_deadline_nor_a_forced_stop():
    release = threading.Event()
    stage = Relay("hangs", [], hangs=release)
    runtime = make_runtime()
    threads = Threads(runtime)
    threads.start(stage)
    assert not threads.close([stage], seconds=0.1)
    runtime.stop.force()
    assert not threads.close([stage])
    release.set()


def test_a_wake_between_step_and_wait_is_not_lost():
    arrived = []
    stage = Relay("relay", arrived)
    threads = Threads(make_runtime())
    threads.start(stage)
    for item in range(300):
        stage.put(item)
    assert threads.close([stage], seconds=PATIENCE)
    assert arrived == list(range(300))
