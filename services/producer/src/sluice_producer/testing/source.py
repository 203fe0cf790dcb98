"""What tests of the producer share: a parser over bytes, a runtime, frames of the stream. Public."""

import random
from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from sluice_core.service.clock import Clock
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health
from sluice_core.testing import FakeClock

from sluice_producer.metrics import Metrics, Runtime
from sluice_producer.source.parser import EventParser, SourceEvent


def parse(
    chunks: Iterable[bytes], *, max_bytes: int = 2**24, last_event_id: str = ""
) -> list[SourceEvent]:
    """All events of a stream that arrives in `chunks` and then ends."""
    parser = EventParser(max_data=max_bytes, last_event_id=last_event_id)
    return [event for chunk in chunks for event in parser.feed(chunk)]


def make_runtime(clock: Clock | None = None, *, seed: int = 1, wire: str = "packed") -> Runtime:
    """A runtime of its own: a clock that moves when it is waited on, chance from `seed`."""
    clock = clock or FakeClock()
    return Runtime(
        stop=Stop(),
        clock=clock,
        rng=random.Random(seed),  # noqa: S311  (tests)
        health=Health(clock),
        metrics=Metrics(CollectorRegistry(), wire),
    )


def wikimedia_id(
    timestamp: int,
    topic: str = "eqiad.mediawiki.recentchange",
    other: str = "codfw.mediawiki.recentchange",
) -> str:
    """An SSE id as EventStreams sends it for an event with Kafka timestamp `timestamp` (milliseconds)."""
    return (
        f'[{{"topic":"{topic}","partition":0,"timestamp":{timestamp + 1}}},'
        f'{{"topic":"{other}","partition":0,"offset":-1}}]'
    )


def frame(data: str, *, sse_id: str | None = None, event: str | None = "message") -> bytes:
    """One event in SSE's framing; `data` without newlines."""
    lines = [f"event: {event}"] if event else []
    if sse_id is not None:
        lines.append(f"id: {sse_id}")
    return ("\n".join([*lines, f"data: {data}"]) + "\n\n").encode()
