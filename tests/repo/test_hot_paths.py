"""What 10,000 events cost inside the services: calls made and memory allocated; counts, no seconds.

A call is one of Python or C that `sys.setprofile` sees in the working thread, memory the peak that tracemalloc
sees: both are the same in each run. One call more for each event (a second look at its JSON, an object made for
it) is over the limit.
"""

import random
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest
from sluice_batcher.testing import Rig
from sluice_core import wire
from sluice_core.service.clock import SystemClock
from sluice_core.testing import FakeClock, FakeSqs
from sluice_local.events import EventStream
from sluice_producer.pack.encoder import Encoder
from sluice_producer.pack.filter import Judge
from sluice_producer.pack.identity import Identity
from sluice_producer.pack.packer import Outbox, Packer, PackLimits
from sluice_producer.pack.pipeline import Pipeline, Rules
from sluice_producer.progress.ledger import NoLedger
from sluice_producer.progress.progress import Progress
from sluice_producer.progress.tracker import TrackerState, make_tracker
from sluice_producer.send.sender import Sender
from sluice_producer.source.parser import EventParser
from sluice_producer.testing import frame, make_runtime, wikimedia_id

EVENTS = 10_000
START = 1_790_000_000_000


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    """Without the canaries, which are dropped."""
    stream, found = EventStream(7, START, 25.0), []
    number = 0
    while len(found) < EVENTS:
        event = stream.event(number)
        number += 1
        if b'"canary"' not in event:
            found.append(event)
    return found


def calls(work: Callable[[], object]) -> float:
    """Calls an event; everything that is made once must have been made by an earlier run."""
    count = 0

    def see(_frame: FrameType, kind: str, _what: Any) -> None:
        nonlocal count
        count += kind in {"call", "c_call"}

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count / EVENTS


def peak(work: Callable[[], object]) -> float:
    """Bytes an event that were allocated at once, at the worst moment."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return (tracemalloc.get_traced_memory()[1] - before) / EVENTS
    finally:
        tracemalloc.stop()


class Producing:
    """The producer from the bytes of the stream to SQS, without its threads."""

    def __init__(self, events: list[bytes], *, plain: bool) -> None:
        runtime = make_runtime(FakeClock(), wire="plain" if plain else "packed")
        track = partial(make_tracker, TrackerState(START), runtime, wikimedia=True, rewind=0)
        none: Any = None
        progress = Progress(track(), none, NoLedger(), runtime, room=2**40, max_age=300, interval=1)
        limits = PackLimits.plain(2**24, 5) if plain else PackLimits(0, 65_536, 2**24, 5)
        packer = Packer(limits, progress.acks, runtime.clock, plain=plain)
        outbox = Outbox()
        self.queue = FakeSqs(SystemClock())
        rules = Rules(
            True, Judge(Identity(("meta", "id"), wikimedia=True), wikimedia=True, max_bytes=2**20)
        )
        self.pipeline = Pipeline(
            rules,
            track(),
            packer=packer,
            outbox=outbox,
            dead_events=none,
            progress=progress,
            runtime=runtime,
        )
        self.sender = Sender(
            "sender",
            self.queue,
            Encoder("s", plain, 65_536, learn=packer.learn),
            outbox=outbox,
            acks=progress.acks,
            dead_events=none,
            runtime=runtime,
            rng=random.Random(1),
        )
        stream = b"".join(
            frame(event.decode(), sse_id=wikimedia_id(START + n)) for n, event in enumerate(events)
        )
        self.chunks = [stream[at : at + 65_536] for at in range(0, len(stream), 65_536)]

    def read(self) -> None:
        """All chunks, into packs that wait."""
        parser, handle = EventParser(max_data=2**20), self.pipeline.handle
        for chunk in self.chunks:
            for event in parser.feed(chunk):
                handle(event)
        self.pipeline.flush()

    def send(self) -> None:
        """All packs."""
        while self.sender.step():
            pass

    @property
    def sent(self) -> list[bytes]:
        found = []
        for message in self.queue.sent:
            told = {name: str(value) for name, value in message.attributes.items()}
            found += wire.decode(message.body, told, max_unpacked_bytes=2**24).events
        return found


@pytest.mark.parametrize(("plain", "to_read", "to_send"), [(False, 39.2, 10.6), (True, 43.6, 72.2)])
def test_calls_of_the_producer(
    events: list[bytes], plain: bool, to_read: float, to_send: float
) -> None:
    earlier = Producing(events[:500], plain=plain)
    earlier.read()
    earlier.send()
    producing = Producing(events, plain=plain)
    read, sent = calls(producing.read), calls(producing.send)
    assert producing.sent == events
    assert (read <= to_read, sent <= to_send) == (True, True), (read, sent)


def test_memory_of_the_producer(events: list[bytes]) -> None:
    """All of it in packs that nobody sends yet: the events themselves, and at most so much for each."""
    producing = Producing(events, plain=False)
    weight = sum(map(len, events)) / EVENTS
    assert peak(producing.read) - weight <= 520


def rig_of(events: list[bytes], **settings: object) -> Rig:
    """A batcher with the events in its queue, in packs."""
    rig = Rig(**settings)
    for start in range(0, len(events), 250):
        part = events[start : start + 250]
        rig.send([wire.encode_pack(part, source="s", ids=["-"] * len(part))])
    return rig


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ({"format": "parquet", "columns": "recentchange", "batch_max_rows": EVENTS}, 2.9),
        ({"format": "jsonl", "columns": "raw", "batch_max_rows": EVENTS}, 5.9),
        ({"format": "csv", "batch_max_rows": 100}, 2.9),
    ],
)
def test_calls_of_the_batcher(
    events: list[bytes], settings: dict[str, object], limit: float
) -> None:
    rig_of(events[:500], **settings).run_dry()  # what is imported and made once
    rig = rig_of(events, **settings)

    def work() -> None:
        while rig.receive():
            rig.flush()

    used = calls(work)
    assert rig.metric("rows_written_total") == EVENTS
    assert used <= limit, used


def test_memory_of_json_lines_of_columns(events: list[bytes]) -> None:
    """The text that they become, and at most so much besides for each event."""
    rig = rig_of(
        events, format="jsonl", columns="recentchange", batch_max_rows=EVENTS, partition_by="none"
    )
    while rig.receive():
        pass
    used = peak(rig.flush)
    [written] = rig.bucket.objects.values()
    assert used - len(written.body) / EVENTS <= 260, used - len(written.body) / EVENTS
