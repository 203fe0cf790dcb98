"""A whole batcher over in-memory SQS and S3, driven step by step: for the tests of this package and of hooks."""

import json
import math
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from sluice_core import wire
from sluice_core.aws.messages import OutMessage
from sluice_core.deadletter import DeadLetter
from sluice_core.service.clock import Clock
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health
from sluice_core.settings import load_settings
from sluice_core.testing import FakeClock, FakeS3, FakeSqs

from sluice_batcher.app import Batcher, Conversion
from sluice_batcher.clients import Clients
from sluice_batcher.metrics import Metrics
from sluice_batcher.settings import BatcherSettings


def event(event_id: str, /, *, dt: str = "2026-11-23T14:05:00Z", **fields: Any) -> dict[str, Any]:
    """An event as Wikimedia's, with the fields that a test is about."""
    return {"meta": {"id": event_id, "dt": dt, "domain": "en.wikipedia.org"}, **fields}


def pack(events: Sequence[Mapping[str, Any] | bytes], **attributes: str | int) -> OutMessage:
    """A packed message of events (bytes as they are); `attributes` overrides wire attributes, `_` for `-`."""
    lines = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
    message = wire.encode_pack(lines, source="test", ids=["-"] * len(lines))
    changed = {name.replace("_", "-"): value for name, value in attributes.items()}
    return OutMessage(message.body, {**message.attributes, **changed})


def packs(count: int, size: int = 10, start: int = 0, **fields: Any) -> list[OutMessage]:
    """`count` packs of `size` events each, whose ids are `names(count * size, start)`."""
    return [
        pack([event(f"e{n:05d}", **fields) for n in range(first, first + size)])
        for first in range(start, start + count * size, size)
    ]


def names(count: int, start: int = 0) -> list[str]:
    """The ids of the events of `packs`, sorted."""
    return [f"e{n:05d}" for n in range(start, start + count)]


class FailTimes:
    """A fault that happens the first `times` times that `action` is asked for."""

    def __init__(self, action: str, times: int, error: Exception) -> None:
        self.action, self.left, self.error = action, times, error

    def __call__(self, action: str) -> None:
        """Raises the error while it is due."""
        if action == self.action and self.left:
            self.left -= 1
            raise self.error


class Rig:
    """A batcher with everything around it faked. `settings` are SLUICE_* values, in lower case.

    One clock drives the batcher and its queues alike: a fake one that the test moves, or, for `run`, the
    machine's own.
    """

    def __init__(self, clock: Clock | None = None, **settings: object) -> None:
        environ = {f"SLUICE_{name.upper()}": str(value) for name, value in settings.items()}
        self.settings = load_settings(BatcherSettings, {"SLUICE_FORMAT": "jsonl", **environ})
        self.clock: Clock = clock or FakeClock()
        self.queue = FakeSqs(self.clock)
        self.dead_queue = FakeSqs(self.clock, name="dead")
        self.bucket = FakeS3()
        self.stop = Stop()
        self.health = Health(self.clock)
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, self.settings.format)
        self.batcher = self.restart()

    def restart(self) -> Batcher:
        """A new batcher over the same world, as after a kill."""
        self.stop = Stop()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, self.settings.format)
        self.batcher = Batcher(
            self.settings,
            Conversion.of(self.settings),
            Clients(self.queue, self.dead_queue, self.bucket, self.queue.attributes()),
            Runtime(
                self.stop,
                self.clock,
                random.Random(1),  # noqa: S311
                self.health,
                self.metrics,
            ),
        )
        return self.batcher

    def run(self) -> "Running":
        """A new batcher under its own threads; the rig's clock must be a real one."""
        if isinstance(self.clock, FakeClock):
            raise TypeError("threads need real time: Rig(SystemClock(), …)")
        return Running(self)

    def send(self, messages: Iterable[OutMessage]) -> list[str]:
        """Puts messages into the queue; gives their ids."""
        return [self.queue.put_message(message) for message in messages]

    def receive(self, polls: int = 1) -> int:
        """Polls so many times; gives the number of messages received."""
        return sum(self.batcher.receivers[0].poll() for _ in range(polls))

    def flush(self) -> int:
        """Flushes all that is due now, sends dead letters, deletes; gives the number of batches."""
        batches = 0
        while self.batcher.flushers[0].step():
            batches += 1
        self.settle()
        return batches

    def settle(self) -> None:
        """Sends the dead letters that wait and deletes what is ready."""
        while self.batcher.dead_letters.step():
            pass
        while self.batcher.deleter.delete_now():
            pass

    def keep_leases(self) -> None:
        """Extends what is past its half-life."""
        self.batcher.keeper.step()

    def advance(self, seconds: float) -> None:
        """Lets the fake clock's time pass with the lease keeper at work."""
        if not isinstance(self.clock, FakeClock):
            raise TypeError("only a FakeClock can be moved")
        steps = math.ceil(seconds / self.batcher.keeper.pause)
        for _ in range(steps):
            self.clock.advance(seconds / steps)
            self.batcher.keeper.step()

    def run_dry(self) -> None:
        """Receives and flushes, ages included, until nothing is left to receive or flush."""
        for _ in range(1000):
            worked = self.receive() + self.flush()
            if not worked and not self.batcher.buffer.rows:
                return
            if not worked:
                self.advance(self.batcher.flushers[0].due_in() or 0.01)
        raise AssertionError("the batcher does not come to rest")

    def rows(self) -> list[dict[str, Any]]:
        """All rows of all objects (format jsonl, uncompressed), by object name."""
        return [
            json.loads(line)
            for key in sorted(self.bucket.objects)
            if not key.startswith("_sluice/")
            for line in self.bucket.objects[key].body.splitlines()
        ]

    def ids(self) -> list[str]:
        """The event ids of all rows, sorted; a duplicate appears twice."""
        return sorted(row["event_id"] for row in self.rows())

    def dead(self) -> list[DeadLetter]:
        """What is in the dead-letter queue; receives it."""
        return [DeadLetter.from_message(m) for m in self.dead_queue.receive(max_messages=10_000)]

    def metric(self, name: str, **labels: str) -> float:
        """A metric's value, without the prefix; 0 when it has none yet."""
        return self.registry.get_sample_value(f"sluice_batcher_{name}", labels) or 0.0


class Running:
    """A rig's batcher under its own threads. The stop that its signals would request is `rig.stop`."""

    def __init__(self, rig: Rig) -> None:
        self._clock = rig.clock
        self.batcher = rig.restart()
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.code = self.batcher.run()

    def wait_until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Waits for a condition; raises AssertionError when it does not come about in time."""
        never, deadline = threading.Event(), self._clock.monotonic() + seconds
        while not condition():
            if self._clock.monotonic() > deadline:
                raise AssertionError("the condition did not come about")
            never.wait(0.01)

    def join(self, seconds: float = 20.0) -> int | None:
        """The exit code, once the batcher has ended."""
        self._thread.join(seconds)
        return self.code
