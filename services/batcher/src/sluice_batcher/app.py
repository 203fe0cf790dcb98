"""The batcher: a list of stages in the order of the flow. The same list, walked, is the drain.

receivers ─► intake ─► buffer ─► flushers ─────┐
               └─────► dead letters ───────────┴─► deleter        leases beside all of them
"""

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluice_core.deadletter.outbox import DeadLetterOutbox, delivery
from sluice_core.errors import ConfigError
from sluice_core.service.minute import MinuteLine
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.threads import Stage, Threads
from sluice_core.wire.event_time import parse_paths

from sluice_batcher.clients import Clients
from sluice_batcher.drain import Drain
from sluice_batcher.inflight.buffer import BatchLimits, Buffer
from sluice_batcher.inflight.deleter import Deleter
from sluice_batcher.inflight.held import InFlight
from sluice_batcher.inflight.identity import QueueIdentity
from sluice_batcher.inflight.leases import LeaseKeeper
from sluice_batcher.metrics import Metrics
from sluice_batcher.receive.intake import Intake
from sluice_batcher.receive.receiver import Receiver, RecentAge
from sluice_batcher.rows.columns import ColumnSet, load_columns
from sluice_batcher.rows.native import Native
from sluice_batcher.rows.parse import RowParser, asked_of_all
from sluice_batcher.rows.table import TableMaker
from sluice_batcher.settings import BatcherSettings
from sluice_batcher.write.flusher import Flusher
from sluice_batcher.write.formats import make_format
from sluice_batcher.write.heartbeats import Heartbeats
from sluice_batcher.write.objects import ObjectMaker
from sluice_batcher.write.partition import Partitioner
from sluice_batcher.write.untimed import Untimed
from sluice_batcher.write.upload import Uploader

if TYPE_CHECKING:  # it imports pandas
    from sluice_batcher.write.transform import Transform


@dataclass(frozen=True)
class Conversion:
    """Columns, and what makes rows and tables of them; `transform` is the user's hook, if there is one."""

    columns: ColumnSet
    parser: RowParser
    tables: TableMaker
    transform: "Transform | None"

    @classmethod
    def of(cls, settings: BatcherSettings) -> "Conversion":
        """Raises ConfigError: a column file with an error, a hook that cannot be imported."""
        partitions = Partitioner(settings.partition_by).names
        columns = load_columns(settings.columns, partitions)
        times = parse_paths(settings.event_time)
        native = Native.of(columns, asked_of_all(times))
        parser = RowParser(
            columns, max_event_bytes=settings.max_event_bytes, times=times, native=native
        )
        transform = None
        if settings.transform is not None:
            from sluice_batcher.write.transform import load_transform  # noqa: PLC0415 (it imports pandas)

            transform = load_transform(settings.transform, columns.schema)
        return cls(columns, parser, TableMaker(columns, parser.shape, times, native), transform)


class Batcher:
    """All parts of one batcher. The parts' `step` does the work; `run` gives each a thread."""

    def __init__(
        self,
        settings: BatcherSettings,
        conversion: Conversion,
        clients: Clients,
        runtime: Runtime[Metrics],
    ) -> None:
        self.settings = settings
        self._runtime = runtime
        metrics, clock = runtime.metrics, runtime.clock
        visibility = int(settings.visibility_timeout or clients.attributes.visibility_timeout)
        check_visibility(settings, visibility)
        # Forced when the grace period is nearly over: it ends the patience of those that wait for AWS.
        patient = replace(runtime, stop=Stop())
        delete, flush = threading.Event(), threading.Event()
        self.in_flight = InFlight(delete.set)
        self.identity = QueueIdentity(clients.queue, clients.attributes.created_at, self.in_flight)
        self.dead_letters = DeadLetterOutbox(
            delivery(
                clients.dead_queue,
                clients.bucket,
                patient,
                max_message_bytes=clients.attributes.max_message_bytes,
            ),
            patient,
            count=lambda by_reason: metrics.dead_lettered(by_reason, clock.now()),
            backlog=metrics.dead_letters_waiting.set,
        )
        self.buffer = Buffer(_limits(settings), flush.set, held=settings.batches_held)
        intake = Intake(
            conversion.parser,
            self.in_flight,
            self.buffer,
            self.dead_letters,
            metrics,
            bucket=clients.bucket,
            max_unpacked_bytes=settings.pack_max_unpacked_bytes,
            keep_events=conversion.columns.whole or conversion.transform is not None,
            unwrap=settings.unwrap,
        )
        ages = RecentAge(clock)
        self.receivers = [
            Receiver(
                f"receiver-{number}",
                clients.queue,
                intake,
                has_room=self.has_room,
                on_back=self.identity.generation,
                observe_age=ages.observe,
                wait_seconds=int(settings.receive_wait),
                visibility=visibility,
                asked=int(settings.visibility_timeout) if settings.visibility_timeout else None,
                runtime=runtime,
            )
            for number in range(settings.receivers)
        ]
        self.uploaders = [
            Uploader(clients.bucket, patient, at_once=settings.uploads, stage=f"flusher-{number}")
            for number in range(settings.flushed_at_once)
        ]
        maker = ObjectMaker(
            conversion.tables,
            Partitioner(settings.partition_by),
            make_format(settings.format, settings.compression, settings.compression_level),
            prefix=settings.prefix,
            transform=conversion.transform,
        )
        heartbeats, untimed = Heartbeats(clients.bucket, runtime), Untimed(runtime)
        self.flushers = [
            Flusher(
                f"flusher-{number}",
                self.buffer,
                self.in_flight,
                maker,
                uploader,
                dead_letters=self.dead_letters,
                heartbeats=heartbeats,
                untimed=untimed,
                identity=self.identity,
                wake=flush,
                runtime=runtime,
                flush_rest=settings.drain == "flush",
            )
            for number, uploader in enumerate(self.uploaders)
        ]
        self.deleter = Deleter(clients.queue, self.in_flight, patient, wake=delete)
        self.keeper = LeaseKeeper(clients.queue, self.in_flight, runtime, visibility=visibility)
        self.stages: list[Stage] = [
            *self.receivers,
            *self.flushers,
            self.dead_letters,
            self.deleter,
            self.keeper,
            MinuteLine(metrics.registry, clock, counts=metrics.COUNTS, states=metrics.STATES),
        ]
        self._drain = Drain(clients.queue, self.in_flight, runtime, patience=patient.stop)
        metrics.watch(
            lambda: float(self.in_flight.outstanding),
            lambda: self._age(self.in_flight.oldest()),
            lambda: self._age(self.buffer.oldest()),
            ages.value,
        )

    def run(self) -> int:
        """Works until the stop is requested, drains, and gives the exit code: 0, or 1 when it was cut short."""
        stop, health = self._runtime.stop, self._runtime.health
        threads = Threads(self._runtime)
        for stage in self.stages:
            threads.start(stage)
        health.set_ready("start", ready=True)
        stop.event.wait()
        health.set_ready("stopping", ready=False, why="draining")
        clean = self._drain.run(threads, self.stages, grace=self.settings.shutdown_grace)
        for uploader in self.uploaders:
            uploader.close()
        return 0 if clean and threads.failure is None else 1

    def has_room(self) -> bool:
        """Whether more may be received."""
        return (
            self.buffer.has_room
            and self.dead_letters.has_room
            and len(self.in_flight) < self.settings.max_held_messages
        )

    def _age(self, since: float | None) -> float:
        return 0.0 if since is None else self._runtime.clock.monotonic() - since


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


def _limits(settings: BatcherSettings) -> BatchLimits:
    return BatchLimits(
        rows=settings.batch_max_rows,
        size=settings.batch_max_bytes,
        messages=max(1, settings.max_held_messages // 2),
        age=settings.batch_max_age,
    )
