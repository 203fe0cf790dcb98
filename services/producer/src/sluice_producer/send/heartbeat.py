"""Heartbeats: now and then a message without events goes the whole way, so that its time is known on a quiet stream, too.

It waits in the outbox behind the packs, as an event of the same moment would, and is sent by the same threads. It
belongs to no group of events, so neither checkpoint nor ledger knows of it. While one has not been accepted there is
no second: after an outage one late heartbeat tells more than a hundred.
"""

import threading

from sluice_producer.metrics import Runtime
from sluice_producer.pack.packer import Outbox, Pack
from sluice_producer.progress.acks import AckGroup


class Heartbeat:
    """A stage beside the flow: the first heartbeat at once, then one each `seconds`."""

    name = "heartbeat"

    def __init__(self, outbox: Outbox, runtime: Runtime, *, seconds: float) -> None:
        self._outbox = outbox
        self._clock = runtime.clock
        self._stop = runtime.stop
        self._seconds = seconds
        self._next = runtime.clock.monotonic()
        self._last: AckGroup | None = None
        self.wake = threading.Event()

    def step(self) -> bool:
        """Makes one when it is due."""
        now = self._clock.monotonic()
        if now < self._next or self._stop.requested:
            return False
        self._next = now + self._seconds
        if self._last is None or self._last.waiting == 0:
            self._last = AckGroup()
            self._outbox.put(Pack(self._last, now, heartbeat=self._clock.now()))
        return False

    def due_in(self) -> float | None:
        """See `Stage`."""
        return max(0.0, self._next - self._clock.monotonic())

    def close(self) -> None:
        """See `Stage`: after a stop there is none."""
