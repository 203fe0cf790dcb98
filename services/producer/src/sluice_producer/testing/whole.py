"""A whole producer in one process: Kafka behind SSE on loopback, SQS and S3 in memory. For tests."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec
from sluice_core import wire
from sluice_core.service.clock import SystemClock
from sluice_core.settings import load_settings
from sluice_core.testing import Answer, FakeS3, FakeSqs, Request

from sluice_producer.app import Producer
from sluice_producer.clients import Clients, make_source
from sluice_producer.progress.checkpoint import Document
from sluice_producer.progress.stores import S3Store
from sluice_producer.progress.tracker import parse_since
from sluice_producer.settings import ProducerSettings
from sluice_producer.source.supervisor import Policy
from sluice_producer.testing.source import frame, make_runtime, wikimedia_id

EQIAD = "eqiad.mediawiki.recentchange"
PATIENCE = 20.0


def change(n: int, **meta: object) -> str:
    """A recent change `e<n>`; `meta` replaces or adds fields of its `meta`."""
    fields = {
        "id": f"e{n}",
        "domain": "en.wikipedia.org",
        "dt": "2025-08-29T06:45:17Z",
        "topic": EQIAD,
        "partition": 0,
    }
    return json.dumps({"meta": fields | meta, "id": n, "title": f"Title {n}"})


def until(condition: Callable[[], object], what: str) -> None:
    """Waits until `condition` holds; raises TimeoutError when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        pause.wait(0.01)


class Cloud:
    """SQS and S3, which outlive producers."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.queue, self.dlq, self.bucket = FakeSqs(clock), FakeSqs(clock, name="dlq"), FakeS3()

    @property
    def ids(self) -> list[str]:
        """`meta.id` of all events sent, in the order of their numbers (a standard queue keeps none)."""
        return sorted(
            (json.loads(event)["meta"]["id"] for event in self.events),
            key=lambda name: int(name.removeprefix("e")),
        )

    @property
    def events(self) -> list[bytes]:
        """All events sent, in no order: several senders share the work."""
        found: list[bytes] = []
        for message in list(self.queue.sent):
            attributes = {k: str(v) for k, v in message.attributes.items()}
            found += wire.decode(message.body, attributes, max_unpacked_bytes=2**24).events
        return found

    @property
    def checkpoint(self) -> Document:
        """The checkpoint as it is stored."""
        return msgspec.json.decode(self.bucket.objects["cp"].body, type=Document)


def stop_all() -> None:
    """Ends every producer that a test left running."""
    for running in Running.started:
        running.runtime.stop.force()
        running.join()
    Running.started.clear()


class Running:
    """A producer in a thread; `stop()` as SIGTERM does, giving what `run` raised."""

    started: ClassVar[list["Running"]] = []

    def __init__(self, cloud: Cloud, url: str, **environ: str) -> None:
        self.started.append(self)
        base = {
            "SLUICE_SOURCE_URL": url,
            "SLUICE_SOURCE_PRESET": "wikimedia",
            "SLUICE_SOURCE_NAME": "test",
            "SLUICE_PACK_MAX_AGE": "50ms",
            "SLUICE_SHUTDOWN_GRACE": "5s",
        }
        self.settings = load_settings(ProducerSettings, base | environ)
        self.runtime = make_runtime(SystemClock(), seed=len(self.started), wire=self.settings.wire)
        world = Clients(
            cloud.queue,
            cloud.dlq,
            cloud.bucket,
            S3Store(cloud.bucket, "cp"),
            make_source(self.settings, self.runtime),
            2**20,
        )
        self.producer = Producer(
            self.settings,
            world,
            self.runtime,
            owner=f"owner-{id(self)}",
            policy=Policy(base=0.02, cap=0.2, healthy=0.5),
        )
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.producer.run()
        except BaseException as error:  # noqa: BLE001  (asserted on)
            self.error = error

    def join(self) -> BaseException | None:
        """Waits for the end; gives what `run` raised."""
        self.thread.join(PATIENCE)
        if self.thread.is_alive():
            raise TimeoutError("the producer does not end")
        return self.error

    def stop(self) -> BaseException | None:
        """Stops as SIGTERM does."""
        self.runtime.stop.request()
        return self.join()

    def metric(self, name: str, **labels: str) -> float:
        """A metric's value, 0 when it has none yet."""
        return (
            self.runtime.metrics.registry.get_sample_value(f"sluice_producer_{name}", labels) or 0.0
        )


class Kafka:
    """EventStreams in small: one topic, resumed by `since` or Last-Event-ID; `cuts` end connections early."""

    def __init__(
        self, log: list[tuple[int, str]], cuts: list[int] | None = None, oldest: int = 0
    ) -> None:
        self.log, self.cuts, self.oldest = log, list(cuts or []), oldest
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """Answers as EventStreams does."""
        if "last-event-id" in request.headers:
            entries = json.loads(request.headers["last-event-id"])
            place = next(e["timestamp"] for e in entries if e["topic"] == EQIAD)
            if any("offset" in e for e in entries):
                raise AssertionError("EventStreams drops an entry with offset and timestamp")
        else:
            place = parse_since(request.query["since"])
        if place < self.oldest:
            return Answer([b'{"message":"too old"}'], 400, content_type="application/json")
        first = next((n for n, (at, _) in enumerate(self.log) if at >= place), len(self.log))
        with self.lock:
            cut = self.cuts.pop(0) if self.cuts else None
        return Answer(self._frames(first, cut), hang=cut is None, cut=cut is not None)

    def _frames(self, first: int, cut: int | None) -> Iterator[bytes]:
        yield b":ok\n\n"
        last = len(self.log) if cut is None else min(len(self.log), first + cut)
        for at, data in self.log[first:last]:
            yield frame(data, sse_id=wikimedia_id(at))
        if cut is not None:
            yield b'event: message\nid: [{"topic":"x","timestamp":99999999999999}]\ndata: {"cut'


def log(count: int, *, disorder: bool = False) -> list[tuple[int, str]]:
    """(Kafka timestamp in milliseconds, event) in the order of offsets; with `disorder` up to 3 s late."""
    chance = random.Random(7)  # noqa: S311  (tests)
    start = 1_756_449_917_000
    return [
        (start + 100 * n - (chance.randint(0, 3000) if disorder else 0), change(n))
        for n in range(count)
    ]


SINCE = "?since=2025-08-01T00:00:00Z"
