"""Who owns the checkpoint, and what a refused write means; progress, ledger and both stores."""

from pathlib import Path

import msgspec
import pytest
from sluice_core.errors import (
    NotFoundError,
    OwnershipError,
    PermanentError,
    PreconditionError,
    TemporaryError,
)
from sluice_core.testing import FakeClock, FakeS3
from sluice_producer.progress.checkpoint import Checkpoint, Document, claim
from sluice_producer.progress.position import Position
from sluice_producer.progress.stores import FileStore, S3Store, Store
from sluice_producer.progress.tracker import TrackerState, WikimediaTracker
from sluice_producer.testing import make_runtime

TOPIC = ("eqiad.x", 0)


@pytest.fixture(params=["s3", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return (
        S3Store(FakeS3(), "cp.json")
        if request.param == "s3"
        else FileStore(tmp_path / "deep" / "cp.json")
    )


def producer(store: Store, owner: str, preset: str = "wikimedia") -> Checkpoint:
    return Checkpoint(store, FakeClock(), source="s", preset=preset, url="http://x", owner=owner)


def stored(store: Store) -> Document:
    found = store.read()
    assert found is not None
    return msgspec.json.decode(found[0], type=Document)


def at(n: int) -> TrackerState:
    return TrackerState(n)


# Stores.


def test_a_store_writes_only_over_what_was_seen(store: Store) -> None:
    assert store.read() is None
    tag = store.write(b"1", None)
    assert store.read() == (b"1", tag)
    with pytest.raises(PreconditionError):
        store.write(b"2", None)
    with pytest.raises(PreconditionError):
        store.write(b"2", "another")
    newer = store.write(b"2", tag)
    with pytest.raises(PreconditionError):
        store.write(b"3", tag)
    assert store.read() == (b"2", newer)


def test_a_document_that_vanished_is_told_apart(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.write(b"2", '"tag"')


def test_places_are_urls(tmp_path: Path) -> None:
    assert S3Store(FakeS3("b"), "k/x.json").place == "s3://b/k/x.json"
    assert FileStore(tmp_path / "x.json").place == f"file://{tmp_path}/x.json"


def test_a_file_that_cannot_be_written_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(TemporaryError):
        FileStore(tmp_path / "file" / "cp.json").write(b"1", None)


# Ownership.


def test_a_successor_continues_and_shuts_the_old_one_out(store: Store) -> None:
    old, new = producer(store, "old"), producer(store, "new")
    assert old.claim() is None
    old.save(at(1))
    old.save(at(2))
    assert new.claim() == at(2)
    new.save(at(2))
    assert (stored(store).owner, stored(store).generation) == ("new", 2)
    with pytest.raises(OwnershipError, match="newer producer"):
        old.save(at(3))
    new.save(at(4))
    assert stored(store).position == at(4)


def test_a_producer_frozen_between_claim_and_first_write_is_the_old_one(store: Store) -> None:
    frozen, other = producer(store, "frozen"), producer(store, "other")
    assert frozen.claim() is None
    assert other.claim() is None
    other.save(at(1))
    with pytest.raises(OwnershipError):
        frozen.save(at(0))
    assert stored(store).owner == "other"


class LostReply(FakeS3):
    """The next write arrives, but its reply is lost (`arrives`), or arrives later (`late`)."""

    lose = False

    def put(self, *args: object, **options: object) -> str:
        etag = super().put(*args, **options)  # type: ignore[arg-type]
        if self.lose:
            self.lose = False
            raise TemporaryError("reply lost")
        return etag


@pytest.mark.parametrize("first", [True, False])
def test_a_lost_reply_is_recognised_by_reading_back(first: bool) -> None:
    s3 = LostReply()
    store = S3Store(s3, "cp")
    mine = producer(store, "me")
    mine.claim()
    if not first:
        mine.save(at(1))
    s3.lose = True
    with pytest.raises(TemporaryError):
        mine.save(at(2))
    mine.save(at(3))
    mine.save(at(4))
    assert stored(store).position == at(4)
    assert stored(store).owner == "me"


def test_a_lost_reply_within_one_save_is_not_written_twice() -> None:
    """boto's own second try of a write that had arrived: S3 says 412, the document is ours."""
    s3 = FakeS3()
    store = S3Store(s3, "cp")
    mine = producer(store, "me")
    mine.claim()
    puts = []

    class Twice:
        place = "s3://x"
        read = staticmethod(store.read)

        @staticmethod
        def write(document: bytes, over: str | None) -> str:
            puts.append(document)
            store.write(document, over)
            return store.write(document, over)

    mine._store = Twice()
    mine.save(at(1))
    assert len(puts) == 1
    assert stored(store).position == at(1)


def test_an_older_write_of_ours_that_arrived_late_is_written_over(store: Store) -> None:
    mine = producer(store, "me")
    mine.claim()
    mine.save(at(1))
    late = msgspec.structs.replace(stored(store), position=at(7), sequence=0)
    found = store.read()
    assert found is not None
    store.write(msgspec.json.encode(late), found[1])
    mine.save(at(9))
    assert stored(store).position == at(9)


def test_a_checkpoint_that_vanished_is_written_anew() -> None:
    s3 = FakeS3()
    mine = producer(S3Store(s3, "cp"), "me")
    mine.claim()
    mine.save(at(1))
    s3.delete("cp")
    mine.save(at(2))
    assert stored(S3Store(s3, "cp")).position == at(2)


def test_an_older_generation_is_overruled(store: Store) -> None:
    """A bucket put back from a backup brings a predecessor's checkpoint back, not the predecessor."""
    old, new = producer(store, "old"), producer(store, "new")
    old.claim()
    old.save(at(1))
    backup = store.read()
    assert backup is not None
    new.claim()
    new.save(at(5))
    now = store.read()
    assert now is not None
    store.write(backup[0], now[1])
    new.save(at(6))
    assert (stored(store).owner, stored(store).position) == ("new", at(6))


@pytest.mark.parametrize("document", [b"", b"x", b"{}", b'{"version":1}', b"[]"])
def test_what_is_no_checkpoint_says_what_to_do(store: Store, document: bytes) -> None:
    store.write(document, None)
    with pytest.raises(PermanentError, match="restore an earlier version"):
        producer(store, "me").claim()


def test_a_newer_version_asks_for_an_upgrade(store: Store) -> None:
    mine = producer(store, "me")
    mine.claim()
    mine.save(at(1))
    found = store.read()
    assert found is not None
    store.write(found[0].replace(b'"version":1', b'"version":2'), found[1])
    with pytest.raises(PermanentError, match="upgrade"):
        producer(store, "me").claim()


def test_another_preset_is_refused(store: Store) -> None:
    first = producer(store, "me")
    first.claim()
    first.save(at(1))
    with pytest.raises(PermanentError, match="SLUICE_SOURCE_PRESET"):
        producer(store, "me", preset="generic").claim()


def test_the_position_survives_the_store(store: Store) -> None:
    tracker = WikimediaTracker(at(5), lambda _a, _b: None, rewind=0, now=lambda: 0.0)
    tracker.advance("e1", "", Position(TOPIC, 1000, (TOPIC, ("codfw.x", 0))))
    mine = producer(store, "me")
    mine.claim()
    mine.save(tracker.state())
    state = producer(store, "next").claim()
    assert state == tracker.state()
    again = WikimediaTracker(state, lambda _a, _b: None, rewind=0, now=lambda: 0.0)
    assert again.resume() == tracker.resume()
    assert again.seen("e1")


# The claim.


def test_the_start_time_is_written_before_anything_is_read(store: Store) -> None:
    assert claim(producer(store, "me"), 1234, make_runtime()) == at(1234)
    assert stored(store).position == at(1234)
    assert claim(producer(store, "next"), 9999, make_runtime()) == at(1234)


def test_the_claim_waits_for_the_store() -> None:
    s3 = FakeS3()
    failures = iter([True] * 5)

    def down(_action: str) -> None:
        if next(failures, False):
            raise TemporaryError("S3 is down")

    s3.before = down
    runtime = make_runtime()
    claim(producer(S3Store(s3, "cp"), "me"), 7, runtime)
    assert stored(S3Store(s3, "cp")).position == at(7)
    assert "checkpoint" not in runtime.health.not_ready()


def test_a_claim_whose_reply_was_lost_is_still_ours() -> None:
    s3 = LostReply()
    s3.lose = True
    assert claim(producer(S3Store(s3, "cp"), "me"), 7, make_runtime()) == at(7)
    assert stored(S3Store(s3, "cp")).owner == "me"
