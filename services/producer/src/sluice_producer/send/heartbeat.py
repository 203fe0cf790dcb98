"""Heartbeats: now and then a message without events goes the whole way, so that its time is known on a quiet stream, too.

It waits in the outbox behind the packs, as an event of the same moment would, and is sent by the same threads. It
belongs to no group of events, so neither checkpoint nor ledger knows of it. While one has not been accepted there is
no second: after an outage one late heartbeat tells more than a hundred.
"""

from sluice_core.service.periodic import Periodic

from sluice_producer.metrics import Runtime
from sluice_producer.pack.packer import Outbox, Pack
from sluice_producer.progress.acks import AckGroup


class Heartbeat(Periodic):
    """The first heartbeat at once, then one each `seconds`."""

    name = "heartbeat"

    def __init__(self, outbox: Outbox, runtime: Runtime, *, seconds: float) -> None:
        super().__init__(runtime.clock, seconds, at_once=True)
        self._outbox = outbox
        self._stop = runtime.stop
        self._last: AckGroup | None = None

    def act(self) -> None:
        """Makes one, but not after a stop."""
        if not self._stop.requested and (self._last is None or self._last.waiting == 0):
            self._last = AckGroup()
            self._outbox.put(Pack(self._last, self._clock.monotonic(), heartbeat=self._clock.now()))
