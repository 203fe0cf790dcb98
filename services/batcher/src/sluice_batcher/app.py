"""The batcher, put together: which part is made of what, and which thread runs which part.

receivers ─► intake ─► buffer ─► flusher ─► deleter
               └─────► poison desk ────────────┘        lease keeper beside all of them
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sluice_core.deadletter import DeadLetters
from sluice_core.errors import ConfigError, TemporaryError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.minute import MinuteLine
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

from sluice_batcher.drain import Drain
from sluice_batcher.inflight.buffer import Buffer, Limits
from sluice_batcher.inflight.deleter import Deleter
from sluice_batcher.inflight.held import Ledger
from sluice_batcher.inflight.identity import QueueIdentity
from sluice_batcher.inflight.leases import LeaseKeeper
from sluice_batcher.inflight.poison import PoisonDesk
from sluice_batcher.loops import Loop
from sluice_batcher.metrics import Metrics
from sluice_batcher.receive.ages import RecentAge
from sluice_batcher.receive.intake import Intake
from sluice_batcher.receive.receiver import Receiver
from sluice_batcher.rows.columns import ColumnSet, load_columns
from sluice_batcher.rows.event_time import parse_paths
from sluice_batcher.rows.parse import Parser
from sluice_batcher.rows.table import TableMaker
from sluice_batcher.settings import BatcherSettings
from sluice_batcher.world import World
from sluice_batcher.write.flusher import Flusher
from sluice_batcher.write.formats import make_format
from sluice_batcher.write.objects import ObjectMaker
from sluice_batcher.write.partition import Partitioner
from sluice_batcher.write.transform import Transform, load_transform
from sluice_batcher.write.upload import Uploader

_log = get_logger(__name__)
_IDLE_SECONDS = 1.0
_COUNTS = {
    "messages": "sluice_batcher_messages_received_total",
    "rows": "sluice_batcher_rows_written_total",
    "objects": "sluice_batcher_objects_written_total",
    "dead_letters": "sluice_batcher_poison_records_total",
}
_STATES = {
    "held_messages": "sluice_batcher_held_messages",
    "lag_seconds": "sluice_batcher_received_message_age_seconds",
}


@dataclass(frozen=True)
class Plan:
    """What the settings ask for and what can be wrong with it, checked before anything outside is touched."""

    columns: ColumnSet
    parser: Parser
    tables: TableMaker
    transform: Transform | None

    @classmethod
    def of(cls, settings: BatcherSettings) -> "Plan":
        """Raises ConfigError: a column file with an error, a hook that cannot be imported."""
        partitions = Partitioner(settings.partition_by).names
        columns = load_columns(settings.columns, partitions)
        times = parse_paths(settings.event_time)
        parser = Parser(columns, max_event_bytes=settings.max_event_bytes, times=times)
        transform = None
        if settings.transform is not None:
            transform = load_transform(settings.transform, columns.schema)
        return cls(columns, parser, TableMaker(columns, parser.shape, times), transform)


class Batcher:
    """All parts of one batcher. `step` methods of the parts do the work; `run` gives them threads."""

    def __init__(
        self,
        settings: BatcherSettings,
        plan: Plan,
        world: World,
        *,
        stop: Stop,
        health: Health,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self._stop = stop
        self._health = health
        self._clock: Clock = world.clock
        self.abandon = Stop()
        visibility = int(settings.visibility_timeout or world.attributes.visibility_timeout)
        check_visibility(settings, visibility)
        wake = threading.Event()
        shared: dict[str, Any] = {"clock": world.clock, "metrics": metrics}
        give_up: dict[str, Any] = {**shared, "stop": self.abandon, "health": health}
        self.deleter = Deleter(world.queue, **give_up)
        self.ledger = Ledger(self.deleter.add)
        self.identity = QueueIdentity(world.queue, world.attributes.created_at, self.ledger)
        self.desk = PoisonDesk(self._dead_letters(world), self.ledger, **give_up)
        self.buffer = Buffer(_limits(settings), wake.set)
        self.intake = Intake(
            plan.parser,
            self.ledger,
            self.buffer,
            self.desk,
            metrics,
            bucket=world.bucket,
            max_unpacked_bytes=settings.pack_max_unpacked_bytes,
            keep_events=plan.transform is not None,
            unwrap=settings.unwrap,
        )
        ages = RecentAge(world.clock)
        self.receivers = [
            Receiver(
                world.queue,
                self.intake,
                has_room=self.has_room,
                on_back=self.identity.generation,
                observe_age=ages.observe,
                wait_seconds=int(settings.receive_wait),
                visibility=visibility,
                asked=int(settings.visibility_timeout) if settings.visibility_timeout else None,
                stop=stop,
                health=health,
                **shared,
            )
            for _ in range(settings.receivers)
        ]
        self.uploader = Uploader(world.bucket, at_once=settings.uploads, **give_up)
        self.flusher = Flusher(
            self.buffer,
            self.ledger,
            ObjectMaker(
                plan.tables,
                Partitioner(settings.partition_by),
                make_format(settings.format, settings.compression),
                prefix=settings.prefix,
                transform=plan.transform,
            ),
            self.uploader,
            self.desk,
            identity=self.identity,
            wake=wake,
            **shared,
        )
        self.keeper = LeaseKeeper(world.queue, self.ledger, visibility=visibility, **shared)
        self._drain = Drain(
            world.queue,
            self.ledger,
            clock=world.clock,
            stop=stop,
            abandon=self.abandon,
            metrics=metrics,
        )
        self._crashed = False
        metrics.watch(lambda: float(self.ledger.outstanding), self._oldest_age, ages.value)
        self._minute = MinuteLine(metrics.registry, world.clock, counts=_COUNTS, states=_STATES)

    def _oldest_age(self) -> float:
        oldest = self.ledger.oldest()
        return 0.0 if oldest is None else self._clock.monotonic() - oldest

    def has_room(self) -> bool:
        """Whether more may be received."""
        return (
            self.buffer.has_room
            and self.desk.has_room
            and len(self.ledger) < self.settings.max_held_messages
        )

    def run(self) -> int:
        """Works until the stop is requested, drains, and gives the exit code: 0, or 1 when it was cut short."""
        receiving = [
            self._loop(f"receiver-{i}", self._until_stopped(receiver))
            for i, receiver in enumerate(self.receivers)
        ]
        flushing = self._loop("flusher", self.flusher.step, self.flusher.wake)
        burying = self._loop("poison", self.desk.step, self.desk.wake)
        deleting = self._loop("deleter", lambda: self.deleter.step(self.ledger), self.deleter.wake)
        keeping = self._loop("leases", self._keep_leases)
        loops = [*receiving, flushing, burying, deleting, keeping]
        for loop in loops:
            loop.start()
        self._health.set_ready("start", ready=True)
        self._stop.event.wait()
        self._health.set_ready("stopping", ready=False, why="draining")
        flush_rest = self.buffer.close_open if self.settings.drain == "flush" else _nothing
        clean = self._drain.run(
            receiving,
            [(flush_rest, flushing), (_nothing, burying), (_nothing, deleting)],
            grace=self.settings.shutdown_grace,
        )
        keeping.finish()
        self.uploader.close()
        return 0 if clean and not self._crashed else 1

    def _until_stopped(self, receiver: Receiver) -> Callable[[], bool]:
        """A receiver's step ends its loop by itself: no receive begins after the stop."""

        def step() -> bool:
            if not self._stop.requested:
                receiver.step()
            return not self._stop.requested

        return step

    def _loop(
        self, name: str, step: Callable[[], object], wake: threading.Event | None = None
    ) -> Loop:
        return Loop(
            name,
            step,
            self._idle(wake) if wake else lambda: None,
            health=self._health,
            on_crash=self._crash,
            wake=wake.set if wake else lambda: None,
        )

    def _crash(self, name: str) -> None:
        self._crashed = True
        self._health.set_ready(name, ready=False, why="crashed")
        self._stop.request()

    def _idle(self, wake: threading.Event) -> Callable[[], object]:
        def wait() -> None:
            due = self.flusher.due_in() if wake is self.flusher.wake else None
            self._clock.wait(wake, _IDLE_SECONDS if due is None else min(due, _IDLE_SECONDS))

        return wait

    def _keep_leases(self) -> bool:
        self.keeper.step()
        self._minute.tick()
        return not self._clock.wait(self.abandon.forced_event, self.keeper.pause)

    def _dead_letters(self, world: World) -> DeadLetters:
        def tell(error: TemporaryError, delay: float) -> None:
            self._health.beat("poison")
            self._health.set_ready("dead-letter queue", ready=False, why=str(error))
            _log.warning("dead letter not accepted", error=str(error), retry_in=round(delay, 2))

        return DeadLetters(
            world.dead_queue,
            world.bucket,
            stop=self.abandon,
            clock=world.clock,
            rng=world.rng,
            on_error=tell,
            max_message_bytes=world.attributes.max_message_bytes,
        )


def check_visibility(settings: BatcherSettings, visibility: int) -> None:
    """The rules that need the queue's own visibility timeout; raises ConfigError."""
    if visibility < 2:
        raise ConfigError(
            f"queue {settings.queue!r} has a visibility timeout of {visibility} s: at least 2 s are needed "
            "to extend it in time; set it, or SLUICE_VISIBILITY_TIMEOUT"
        )
    problems = settings.model_copy(
        update={"visibility_timeout": float(visibility)}
    ).contradictions()
    if problems:
        raise ConfigError(problems[0])


def _limits(settings: BatcherSettings) -> Limits:
    return Limits(
        rows=settings.batch_max_rows,
        size=settings.batch_max_bytes,
        messages=max(1, settings.max_held_messages // 2),
        age=settings.batch_max_age,
    )


def _nothing() -> None:
    """A stage of the drain that needs no preparation."""
