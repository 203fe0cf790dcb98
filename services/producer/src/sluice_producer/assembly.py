"""The inside of the process: which part is made of which."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from sluice_core.deadletter import DeadLetters
from sluice_core.deadletter.outbox import PART, DeadLetterOutbox
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Waiting

from sluice_producer.clients import Clients
from sluice_producer.labels import DEAD_LETTER, MAIN
from sluice_producer.pack.dead_events import DeadEvents
from sluice_producer.pack.encoder import Encoder
from sluice_producer.pack.filter import Judge
from sluice_producer.pack.identity import Identity
from sluice_producer.pack.outbox import Outbox
from sluice_producer.pack.packer import Limits, Pack, Packer
from sluice_producer.pack.pipeline import Pipeline, Rules
from sluice_producer.progress.acks import Acks
from sluice_producer.progress.checkpoint import Checkpoint
from sluice_producer.progress.ledger import FileLedger, NoLedger
from sluice_producer.progress.progress import Progress
from sluice_producer.progress.tracker import GenericTracker, Tracker, TrackerState, WikimediaTracker
from sluice_producer.runtime import Runtime
from sluice_producer.send.sender import Sender
from sluice_producer.send.watch import QueueWatch
from sluice_producer.settings import ProducerSettings

_log = get_logger(__name__)


@dataclass(frozen=True)
class Parts:
    """What runs between source and queue. `delivered` follows what was read, `progress` what was accepted."""

    delivered: Tracker
    pipeline: Pipeline
    outbox: Outbox[Pack]
    senders: list[Sender]
    dead_events: DeadEvents
    acks: Acks
    progress: Progress
    queue_watch: QueueWatch


def assemble(
    settings: ProducerSettings,
    clients: Clients,
    runtime: Runtime,
    checkpoint: Checkpoint,
    state: TrackerState,
) -> Parts:
    """All parts, continuing from `state`. Raises PermanentError when the ledger cannot be opened."""
    ledger = FileLedger(settings.ledger) if settings.ledger else NoLedger()
    progress = Progress(
        _tracker(settings, runtime, state, None),
        checkpoint,
        ledger,
        runtime,
        max_age=settings.checkpoint_max_age,
    )
    acks = Acks(progress.settle, room=settings.buffer_max_bytes)
    outbox: Outbox[Pack] = Outbox()
    dead_events = DeadEvents(_dead_letters(clients, runtime), acks, runtime, source=settings.name)
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
    delivered = _tracker(settings, runtime, state, progress.raise_floor)
    pipeline = Pipeline(
        Rules(settings.preset == "wikimedia", _judge(settings, runtime), settings.max_events),
        delivered,
        packer=packer,
        outbox=outbox,
        dead_events=dead_events,
        acks=acks,
        progress=progress,
        runtime=runtime,
        ledger=ledger,
    )
    runtime.metrics.watch(
        lambda: pipeline.taken,
        lambda: progress.age,
        lambda: float(progress.blocked or acks.full),
        lambda: len(dead_events),
    )
    queue_watch = QueueWatch({MAIN: clients.queue, DEAD_LETTER: clients.dead_queue}, runtime)
    return Parts(delivered, pipeline, outbox, senders, dead_events, acks, progress, queue_watch)


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


def _tracker(
    settings: ProducerSettings,
    runtime: Runtime,
    state: TrackerState,
    raise_floor: Callable[[int], None] | None,
) -> Tracker:
    def moved(ended: int | None, taken: int | None) -> None:
        """The place had to be given up; events may be lost unless reading goes on before where it had ended."""
        if raise_floor is not None:
            raise_floor(taken or 0)
        if ended is not None and taken is not None and taken <= ended:
            _log.warning(
                "a silent topic's place was too old: moved, nothing is lost", resumed_at_ms=taken
            )
            return
        seconds = 0.0 if ended is None or taken is None else (taken - ended) / 1000
        runtime.metrics.gaps.inc()
        runtime.metrics.last_gap.set(runtime.clock.now())
        runtime.metrics.gap_seconds.inc(seconds)
        _log.error(
            "GAP: the source could not be asked for what follows the checkpoint; reading goes on later",
            gap_seconds=seconds,
            resumed_at_ms=taken,
        )

    if settings.preset == "generic":
        return GenericTracker(state, moved)
    rewind = round(settings.source_rewind * 1000)
    return WikimediaTracker(state, moved, rewind=rewind, now=runtime.clock.now)


def _limits(settings: ProducerSettings) -> Limits:
    raw = settings.pack_max_unpacked_bytes
    if settings.wire == "plain":
        return Limits.plain(raw, settings.pack_max_age)
    return Limits(settings.pack_max_events, settings.pack_max_bytes, raw, settings.pack_max_age)


def _dead_letters(clients: Clients, runtime: Runtime) -> DeadLetters:
    return DeadLetters(
        clients.dead_queue,
        clients.bucket,
        stop=runtime.stop,
        clock=runtime.clock,
        rng=runtime.rng,
        on_error=Waiting(PART, runtime.health, stage=DeadLetterOutbox.name),
        max_message_bytes=clients.max_message_bytes,
    )
