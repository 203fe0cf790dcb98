"""The producer: its threads, and the order in which they stop.

Stop: (1) the source is interrupted and the reader ends, (2) the open pack is sent off, (3) the senders, then
the dead letters finish, (4) the last checkpoint is written. What does not finish in the grace period is in no
checkpoint, so the next start reads it again.
"""

import threading

from sluice_core.errors import OwnershipError
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Stopped

from sluice_producer.assembly import Parts, assemble
from sluice_producer.clients import Clients
from sluice_producer.crew import Crew
from sluice_producer.pack.pipeline import READER
from sluice_producer.progress.checkpoint import Checkpoint
from sluice_producer.progress.claim import claim
from sluice_producer.runtime import Runtime
from sluice_producer.settings import ProducerSettings
from sluice_producer.source.supervisor import Policy, Supervisor

_log = get_logger(__name__)

_READER_PATIENCE = 3.0
"""Seconds for the reader to notice a stop; one that is stuck in a connection attempt is left behind."""


class Producer:
    """One producer, from claim to last checkpoint. `run` may be called once; `owner` is unique to it."""

    def __init__(
        self,
        settings: ProducerSettings,
        clients: Clients,
        runtime: Runtime,
        *,
        owner: str,
        policy: Policy | None = None,
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._runtime = runtime
        self._policy = policy
        self._crew = Crew(runtime.stop, runtime.clock)
        self._checkpoint = Checkpoint(
            clients.store,
            runtime.clock,
            source=settings.name,
            preset=settings.preset,
            url=settings.public_url,
            owner=owner,
            former=clients.former_store,
        )

    def run(self) -> None:
        """Works until the stop is requested, the source has ended, or something failed for good.

        Raises what failed: OwnershipError, PermanentError, or a bug.
        """
        self._runtime.health.set_ready("source", ready=False, why="not connected yet")
        try:
            state = claim(
                self._checkpoint,
                self._settings.started_at(self._runtime.clock.now()),
                self._runtime,
            )
        except Stopped:
            return
        parts = assemble(self._settings, self._clients, self._runtime, self._checkpoint, state)
        finished = threading.Event()
        self._start(parts, finished)
        self._runtime.stop.event.wait()
        self._stop(parts, finished)
        self._leave(parts)

    def _start(self, parts: Parts, finished: threading.Event) -> None:
        start = self._crew.start
        start("checkpoint", lambda: parts.progress.run(finished))
        start("dead-letters", parts.dead_events.run)
        for sender in parts.senders:
            start(sender.name, sender.run)
        start("timer", parts.pipeline.run_timer)
        start(parts.queue_watch.name, parts.queue_watch.run)
        # A source that refuses for good ends the process in order: what was read is sent and checkpointed.
        start(READER, lambda: self._read(parts), orderly=True)

    def _read(self, parts: Parts) -> None:
        health = self._runtime.health
        health.register(READER, 2 * self._settings.source_idle_timeout + 60)
        Supervisor(
            self._clients.source,
            parts.delivered,
            parts.pipeline.handle,
            stop=self._runtime.stop,
            clock=self._runtime.clock,
            rng=self._runtime.rng,
            policy=self._policy,
            observe=self._observe,
            beat=lambda: health.beat(READER),
        ).run()
        health.forget(READER)
        self._runtime.stop.request()

    def _stop(self, parts: Parts, finished: threading.Event) -> None:
        _log.info("stopping")
        self._runtime.health.set_ready("process", ready=False, why="stopping")
        self._runtime.stop.force_after(self._settings.shutdown_grace, self._runtime.clock)
        self._crew.join(READER, _READER_PATIENCE)
        self._crew.join("timer")
        parts.pipeline.flush()
        parts.outbox.close()
        for sender in parts.senders:
            self._crew.join(sender.name)
        parts.dead_events.close()
        self._crew.join("dead-letters")
        finished.set()
        self._crew.join("checkpoint")

    def _leave(self, parts: Parts) -> None:
        # In a thread, so that a store that hangs holds nobody past the grace period; after a forced stop not at
        # all: what no checkpoint covers is read again.
        if not self._runtime.stop.forced and not isinstance(self._crew.failure, OwnershipError):
            self._crew.start("last-checkpoint", lambda: self._save(parts), orderly=True)
            self._crew.join("last-checkpoint")
        failure = self._crew.failure
        left = parts.acks.buffered_events
        if left:
            _log.warning("left before all was accepted: the next start reads it again", events=left)
        if failure is not None:
            raise failure
        _log.info("stopped", unsent_events=left)

    def _save(self, parts: Parts) -> None:
        parts.progress.save(always=True)

    def _observe(self, cause: str, detail: str) -> None:
        metrics, health = self._runtime.metrics, self._runtime.health
        if cause == "open":
            metrics.connected.set(1)
            health.set_ready("source", ready=True)
            _log.info("connected", url=self._settings.public_url)
            return
        metrics.connected.set(0)
        metrics.reconnects.labels(cause).inc()
        health.set_ready("source", ready=False, why=detail)
        _log.info("connection ended", cause=cause, detail=detail)
