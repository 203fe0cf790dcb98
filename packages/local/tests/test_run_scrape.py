"""What is read of a running pipeline: the services' own numbers, and the objects written last."""

import threading
from types import SimpleNamespace

import pytest
from sluice_core.errors import TemporaryError
from sluice_core.testing import Answer, FakeClock, FakeS3, FakeSqs, SseServer
from sluice_local.ports import free_port
from sluice_local.run.listing import LEAST_REST, NEWEST, REST, Listing
from sluice_local.run.phases import CONNECTING, NO_SOURCE, RUNNING, STARTING, phase_of
from sluice_local.run.scrape import Scraper

KEY = "events/dt=2026-11-{day:02}/hour=02/batch-01a215ad-884b-7544-ae16-{number:012}.csv"


class Service:
    """A service's /metrics."""

    def __init__(self, name):
        self._name = name
        self._text = ""
        self._server = SseServer(
            lambda _: Answer([self._text.encode()], content_type="text/plain; version=0.0.4")
        )
        self.port = int(self._server.url.split(":")[2].split("/")[0])

    def tell(self, *lines):
        self._text = "".join(f"sluice_{self._name}_{line}\n" for line in lines)

    def close(self):
        self._server.close()


@pytest.fixture
def service():
    made = []

    def make(name):
        made.append(Service(name))
        return made[-1]

    yield make
    for one in made:
        one.close()


def resources(**given):
    clock = FakeClock()
    return SimpleNamespace(
        **({"queue": FakeSqs(clock), "dlq": FakeSqs(clock), "bucket": FakeS3()} | given)
    )


def scraper(producer, batcher):
    found = resources()
    return Scraper(producer, batcher, found, Listing(found.bucket, "events", FakeClock()))


@pytest.mark.parametrize(
    ("lag", "connected", "events", "known"),
    [
        ("2.5", 1, 7, 2.5),
        ("-0.5", 1, 7, -0.5),
        ("NaN", 1, 7, None),
        ("+Inf", 1, 7, None),
        ("0", 1, 0, None),
        ("2.5", 0, 7, None),
    ],
)
def test_a_lag_is_a_number_of_an_open_connection_or_not_known(
    service, lag, connected, events, known
):
    producer = service("producer")
    producer.tell(
        f"events_received_total {events}", f"stream_lag_seconds {lag}", f"connected {connected}"
    )
    now = scraper(producer.port, free_port()).take()
    assert now.received == events
    assert now.lag == known
    assert now.connected is bool(connected)


def test_a_run_says_that_its_source_is_gone(service):
    producer = service("producer")
    looking = scraper(producer.port, free_port())
    assert phase_of(looking.take()) == STARTING
    for connected, events, phase in (
        (0, 0, CONNECTING),
        (1, 0, RUNNING),
        (1, 7, RUNNING),
        (0, 7, NO_SOURCE),
        (1, 7, RUNNING),
    ):
        producer.tell(f"events_received_total {events}", f"connected {connected}")
        assert phase_of(looking.take()) == phase


def test_of_a_producer_that_was_stopped_the_counts_stay_and_nothing_is_said_of_its_source(service):
    producer = service("producer")
    producer.tell("events_received_total 7", "stream_lag_seconds 1", "connected 1")
    looking = scraper(producer.port, free_port())
    looking.take()
    looking.leave_producer()
    now = looking.take()
    assert (now.received, now.connected, now.lag) == (7, None, None)


def test_what_a_batcher_has_counted_stays_counted_when_another_takes_over(service):
    batchers = [service("batcher") for _ in range(3)]
    batchers[0].tell(
        "rows_written_total 60",
        "objects_written_total 3",
        "object_bytes_written_total 600",
        "rows_dropped_total 2",
        'poison_records_total{reason="not-json"} 1',
    )
    looking = scraper(free_port(), batchers[0].port)
    looking.take()
    batchers[0].close()
    looking.follow_batcher(batchers[1].port)
    assert looking.take().rows == 60, "the new one does not tell anything yet"
    batchers[1].tell("rows_written_total 0")
    assert looking.take().rows == 60
    batchers[1].tell("rows_written_total 30", 'poison_records_total{reason="not-json"} 4')
    looking.take()
    looking.follow_batcher(batchers[2].port)
    batchers[2].tell(
        "rows_written_total 10", "objects_written_total 1", "object_bytes_written_total 50"
    )
    now = looking.take()
    assert (now.rows, now.objects, now.object_bytes, now.dropped) == (100, 4, 650, 2)
    assert now.dead_reasons == {"not-json": 5}


class Resting(FakeClock):
    """Its waits are written down and last until `go`."""

    def __init__(self):
        super().__init__()
        self.rests = []
        self.rested = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def wait(self, event, timeout):
        self.rests.append(timeout)
        self.rested.release()
        while not event.is_set() and not self.go.acquire(timeout=0.01):
            pass
        return super().wait(event, timeout)


def listed(bucket):
    return [stored.key for stored in bucket]


def test_the_newest_by_the_time_of_writing_whatever_their_partition():
    bucket, clock = FakeS3(), Resting()
    # Written one after the other; event time goes back and forth.
    keys = [KEY.format(day=1 + number * 7 % 10, number=number) for number in range(20)]
    for key in keys:
        bucket.put(key, b"")
    bucket.put("_sluice/zzz", b"")
    with Listing(bucket, "events", clock) as listing:
        listing.look(20)
        assert clock.rested.acquire(timeout=10)
        assert listed(listing.newest) == keys[: -NEWEST - 1 : -1]


def test_a_listing_takes_an_eleventh_of_the_time_at_most_however_long_it_is():
    clock, lists, took = Resting(), [], [7.0, 0.01]

    class Slow(FakeS3):
        def list(self, prefix=""):
            lists.append(prefix)
            clock.advance(took[len(lists) - 1])
            return super().list(prefix)

    bucket = Slow()
    bucket.put(KEY.format(day=1, number=1), b"")
    with Listing(bucket, "events", clock) as listing:
        listing.look(1)
        assert clock.rested.acquire(timeout=10)
        bucket.put(KEY.format(day=1, number=2), b"")
        listing.look(2)
        assert len(lists) == 1
        assert len(listing.newest) == 1
        clock.go.release()
        assert clock.rested.acquire(timeout=10)
        assert len(listing.newest) == 2
    assert clock.rests == [pytest.approx(REST * 7.0), LEAST_REST]
    assert lists == ["events/", "events/"]


def test_a_listing_holds_up_nobody(service):
    batcher, asked, go = service("batcher"), threading.Event(), threading.Event()
    batcher.tell("rows_written_total 60", "objects_written_total 3")

    class Stuck(FakeS3):
        def list(self, prefix=""):
            asked.set()
            assert go.wait(10)
            return super().list(prefix)

    found = resources(bucket=Stuck())
    found.bucket.put(KEY.format(day=1, number=1), b"")
    listing = Listing(found.bucket, "events", FakeClock())
    looking = Scraper(free_port(), batcher.port, found, listing)
    with listing:
        assert looking.take().rows == 60
        assert asked.wait(10)
        batcher.tell("rows_written_total 70", "objects_written_total 3")
        assert looking.take().rows == 70
        assert not go.is_set()
        go.set()


def test_the_last_listing_is_of_the_end_whatever_an_earlier_one_finds_later():
    asked, go = threading.Event(), threading.Event()

    class Stuck(FakeS3):
        def list(self, prefix=""):
            found = super().list(prefix)
            if not asked.is_set():
                asked.set()
                assert go.wait(10)
            return found

    bucket = Stuck()
    bucket.put(KEY.format(day=1, number=1), b"")
    with Listing(bucket, "events", FakeClock()) as listing:
        listing.look(1)
        assert asked.wait(10)
        bucket.put(KEY.format(day=1, number=2), b"")
        go.set()
        listing.finish()
        assert len(listing.newest) == 2
    assert len(listing.newest) == 2


def test_a_listing_that_fails_is_made_again():
    clock, answers = Resting(), [TemporaryError("no"), None]

    def fault(action):
        if action == "list" and (error := answers.pop(0)):
            raise error

    bucket = FakeS3(before=fault)
    with Listing(bucket, "events", clock) as listing:
        listing.look(1)
        assert clock.rested.acquire(timeout=10)
        assert listing.newest == ()
        bucket.put(KEY.format(day=1, number=1), b"")
        clock.go.release()
        assert clock.rested.acquire(timeout=10)
        assert len(listing.newest) == 1
