"""The producer: a list of stages in the order of the flow. The same list, walked, is the drain.

reader ─► timer ─► senders ─► dead letters ─► checkpoint

A stop interrupts the source; the open pack is sent off, the senders and the dead letters finish, the last
checkpoint is written. What does not finish in the grace period is in no checkpoint, so the next start reads it
again.
"""

import random
from functools import partial
from typing import Final

from sluice_core.deadletter.outbox import delivery
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Stopped
from sluice_core.service.threads import Stage, Threads
from sluice_core.wire.event_time import parse_paths

from sluice_producer.clients import Clients
from sluice_producer.metrics import DEAD_LETTER, MAIN, Runtime
from sluice_producer.pack.dead_events import DeadEvents
from sluice_producer.pack.encoder import Encoder
from sluice_producer.pack.filter import Judge
from sluice_producer.pack.identity import Identity
from sluice_producer.pack.packer import Outbox, Packer, PackLimits
from sluice_producer.pack.pipeline import Pipeline, Rules, Timer
from sluice_producer.progress.checkpoint import Checkpoint, claim
from sluice_producer.progress.ledger import FileLedger, NoLedger
from sluice_producer.progress.progress import Progress
from sluice_producer.progress.tracker import Tracker, TrackerState, make_tracker
from sluice_producer.send.heartbeat import Heartbeat
from sluice_producer.send.sender import Sender
from sluice_producer.send.watch import QueueWatch
from sluice_producer.settings import ProducerSettings
from sluice_producer.source.reader import Reader
from sluice_producer.source.supervisor import Policy, Supervisor

_log = get_logger(__name__)

_READER_PATIENCE: Final = 3.0
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
        self._threads = Threads(runtime)
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
        runtime, settings, threads = self._runtime, self._settings, self._threads
        runtime.health.set_ready("source", ready=False, why="not connected yet")
        started_at = settings.started_at(runtime.clock.now())
        try:
            state = claim(self._checkpoint, started_at, runtime)
        except Stopped:
            return
        progress, (reader, *others) = self._assemble(state)
        for stage in reversed(others):
            # The others cannot go on without it: what no checkpoint covers is read again.
            threads.start(stage, force_on_failure=True)
        # Beside the flow: nothing waits for it.
        queues = {MAIN: self._clients.queue, DEAD_LETTER: self._clients.dead_queue}
        threads.start(QueueWatch(queues, runtime))
        # A source that refuses for good ends the process in order: what was read is sent and checkpointed.
        threads.start(reader, max_silence=2 * settings.source_idle_timeout + 60)
        runtime.stop.event.wait()
        _log.info("stopping")
        runtime.health.set_ready("process", ready=False, why="stopping")
        patience = min(_READER_PATIENCE, settings.shutdown_grace)
        until = runtime.clock.monotonic() + settings.shutdown_grace
        threads.close([reader], seconds=patience)
        if not threads.drain(others, seconds=max(0.0, until - runtime.clock.monotonic())):
            runtime.stop.force()
        left = progress.acks.buffered_events
        if left:
            _log.warning("left before all was accepted: the next start reads it again", events=left)
        if threads.failure is not None:
            raise threads.failure
        _log.info("stopped", events=left)

    def _assemble(self, state: TrackerState) -> tuple[Progress, list[Stage]]:
        """The stages, continuing from `state`. Raises PermanentError when the ledger cannot be opened."""
        settings, clients, runtime = self._settings, self._clients, self._runtime
        wikimedia = settings.preset == "wikimedia"
        track = partial(
            make_tracker, state, runtime, wikimedia=wikimedia, rewind=settings.source_rewind
        )
        progress = Progress(
            track(),
            self._checkpoint,
            FileLedger(settings.ledger) if settings.ledger else NoLedger(),
            runtime,
            room=settings.buffer_max_bytes,
            max_age=settings.checkpoint_max_age,
            interval=settings.checkpoint_interval,
        )
        acks = progress.acks
        outbox = Outbox()
        sending = delivery(
            clients.dead_queue,
            clients.bucket,
            runtime,
            max_message_bytes=clients.max_message_bytes,
        )
        dead_events = DeadEvents(sending, acks, runtime, source=settings.name)
        plain = settings.wire == "plain"
        packer = Packer(_limits(settings), acks, runtime.clock, plain=plain)
        encoder = Encoder(
            settings.name, plain, settings.pack_max_bytes, clients.max_message_bytes, packer.learn
        )
        senders = [
            Sender(
                f"sender-{number}",
                clients.queue,
                encoder,
                outbox=outbox,
                acks=acks,
                dead_events=dead_events,
                runtime=runtime,
                rng=random.Random(runtime.rng.getrandbits(64)),  # noqa: S311  (jitter)
            )
            for number in range(settings.senders)
        ]
        heartbeats = (
            [Heartbeat(outbox, runtime, seconds=settings.heartbeat)] if settings.heartbeat else []
        )
        delivered = track(raise_floor=progress.raise_floor)
        pipeline = Pipeline(
            Rules(
                wikimedia,
                _judge(settings, runtime),
                parse_paths(settings.event_time),
                settings.max_events,
            ),
            delivered,
            packer=packer,
            outbox=outbox,
            dead_events=dead_events,
            progress=progress,
            runtime=runtime,
        )
        supervise = partial(self._supervise, delivered=delivered, pipeline=pipeline)
        runtime.metrics.watch(
            lambda: pipeline.taken,
            lambda: progress.age,
            lambda: float(progress.blocked or acks.full),
            lambda: len(dead_events.outbox),
        )
        return progress, [
            Reader(supervise, runtime, settings.public_url),
            Timer(pipeline),
            *heartbeats,
            *senders,
            dead_events.outbox,
            progress,
            runtime.metrics.minute_line(runtime.clock),
        ]

    def _supervise(self, reader: Reader, *, delivered: Tracker, pipeline: Pipeline) -> Supervisor:
        return Supervisor(
            self._clients.source,
            delivered,
            pipeline.handle,
            stop=self._runtime.stop,
            clock=self._runtime.clock,
            rng=self._runtime.rng,
            policy=self._policy,
            observe=reader.observe,
            beat=reader.beat,
        )


def _judge(settings: ProducerSettings, runtime: Runtime) -> Judge:
    wikimedia = settings.preset == "wikimedia"
    rule = settings.id_rule
    told = False

    def miss() -> None:
        nonlocal told
        runtime.metrics.without_id.inc()
        if not told:
            told = True
            _log.warning(
                "an event has no id where SLUICE_EVENT_ID looks: its hash is its id (told once)",
                rule=rule if isinstance(rule, str) else ".".join(rule),
            )

    return Judge(
        Identity(rule, wikimedia=wikimedia, on_miss=miss),
        wikimedia=wikimedia,
        max_bytes=settings.max_event_bytes,
        types=settings.event_types,
    )


def _limits(settings: ProducerSettings) -> PackLimits:
    raw = settings.pack_max_unpacked_bytes
    if settings.wire == "plain":
        return PackLimits.plain(raw, settings.pack_max_age)
    return PackLimits(settings.pack_max_events, settings.pack_max_bytes, raw, settings.pack_max_age)
