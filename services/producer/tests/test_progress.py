"""From acknowledgement to checkpoint: ledger first, at most a write a second, a pause when none succeeds."""

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from sluice_core.errors import (
    OwnershipError,
    PermanentError,
    TemporaryError,
)
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock, FakeS3, no_fault
from sluice_producer.progress.acks import DEAD, FILTERED, SENT, AckGroup, EventRecord
from sluice_producer.progress.checkpoint import Checkpoint, Document
from sluice_producer.progress.ledger import FileLedger, NoLedger
from sluice_producer.progress.position import NOWHERE
from sluice_producer.progress.progress import Progress
from sluice_producer.progress.stores import S3Store, Store
from sluice_producer.progress.tracker import GenericTracker, TrackerState
from sluice_producer.testing import make_runtime


def producer(store: Store, owner: str, preset: str = "wikimedia") -> Checkpoint:
    return Checkpoint(store, FakeClock(), source="s", preset=preset, url="http://x", owner=owner)


def stored(store: Store) -> Document:
    found = store.read()
    assert found is not None
    return msgspec.json.decode(found[0], type=Document)


def at(n: int) -> TrackerState:
    return TrackerState(n)


# Progress.


class Saving:
    def __init__(self, max_age: float = 300, ledger: object = None) -> None:
        self.s3 = FakeS3()
        self.store = S3Store(self.s3, "cp")
        self.runtime = make_runtime()
        checkpoint = producer(self.store, "me", "generic")
        checkpoint.claim()
        checkpoint.save(at(0))
        self.progress = Progress(
            GenericTracker(at(0), lambda _a, _b: None),
            checkpoint,
            ledger or NoLedger(),  # type: ignore[arg-type]
            self.runtime,
            room=2**40,
            max_age=max_age,
            interval=1.0,
        )

    def settle(self, *ids: str) -> None:
        self.progress.settle([AckGroup([EventRecord(i, i, NOWHERE, SENT) for i in ids])])

    def down(self, _action: str) -> None:
        raise TemporaryError("S3 is down")

    @property
    def saved(self) -> str:
        return stored(self.store).position.last_event_id


def test_progress_is_saved_and_nothing_is_written_when_nothing_moved() -> None:
    case = Saving()
    case.settle("1", "2")
    assert case.saved == ""
    assert case.progress.save()
    assert case.saved == "2"
    sequence = stored(case.store).sequence
    assert case.progress.save()
    assert stored(case.store).sequence == sequence
    assert case.progress.save(always=True)
    assert stored(case.store).sequence == sequence + 1


def test_age_counts_from_the_oldest_unsaved_progress() -> None:
    case = Saving()
    clock = case.runtime.clock
    assert isinstance(clock, FakeClock)
    assert case.progress.age == 0
    case.settle("1")
    clock.advance(10)
    case.settle("2")
    assert case.progress.age == 10
    case.progress.save()
    assert case.progress.age == 0


def test_s3_down_pauses_reading_after_the_limit_and_not_before() -> None:
    case = Saving(max_age=300)
    clock = case.runtime.clock
    assert isinstance(clock, FakeClock)
    case.s3.before = case.down
    case.settle("1")
    for _ in range(299):
        clock.advance(1)
        assert not case.progress.save()
        assert not case.progress.blocked
    clock.advance(2)
    assert not case.progress.save()
    assert case.progress.blocked
    assert "S3 is down" in case.runtime.health.not_ready()["checkpoint"]
    beats = []

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            case.s3.before = lambda _action: None
            case.progress.save()

    case.progress.wait_until_saved(case.runtime.stop, beat)
    assert len(beats) == 3
    assert case.saved == "1"
    assert "checkpoint" not in case.runtime.health.not_ready()


def test_what_settles_while_a_save_is_under_way_is_not_forgotten() -> None:
    case = Saving()
    case.settle("1")
    once = iter([True])

    def meanwhile(action: str) -> None:
        if action == "put" and next(once, False):
            case.settle("2")

    case.s3.before = meanwhile
    case.progress.save()
    assert case.saved == "1"
    case.progress.save()
    assert case.saved == "2"


def test_it_saves_once_a_second_and_once_more_at_the_end() -> None:
    case = Saving()
    rounds = []

    def count(action: str) -> None:
        rounds.append(action)
        case.settle(f"n{len(rounds)}")

    case.settle("n0")
    case.s3.before = count
    for _ in range(5):
        case.progress.step()
        assert case.progress.due_in() == 1.0
    assert len(rounds) == 5
    case.progress.close()
    assert not case.progress.step()
    case.s3.before = no_fault
    assert case.saved == "n5"
    assert not case.progress.step()
    assert case.saved == "n6"
    assert case.progress.age == 0


def test_a_replaced_producer_s_progress_says_so() -> None:
    case = Saving()
    other = producer(case.store, "other", "generic")
    other.claim()
    other.save(at(1))
    case.settle("1")
    with pytest.raises(OwnershipError):
        case.progress.save()


def test_the_floor_moves_the_checkpoint() -> None:
    case = Saving()
    case.settle("1")
    case.progress.raise_floor(5)
    case.progress.save()
    assert case.saved == ""


# The ledger.


def test_the_ledger_tells_each_event_s_fate_before_the_checkpoint_covers_it(tmp_path: Path) -> None:
    path = tmp_path / "deep dir" / "ledger.ndjson"
    case = Saving(ledger=FileLedger(path.as_uri()))
    records = [
        EventRecord("a", "1", NOWHERE, SENT),
        EventRecord("b", "2", NOWHERE, DEAD),
        EventRecord("c", "3", NOWHERE, FILTERED),
    ]
    case.progress.settle(
        [
            AckGroup(records),
            AckGroup([EventRecord("d", "4", NOWHERE, SENT)], dead={"d"}),
            AckGroup(),
        ]
    )
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line.get("id"), line["state"]) for line in lines] == [
        (None, "start"),
        ("a", "sent"),
        ("b", "dead"),
        ("c", "filtered"),
        ("d", "dead"),
    ]
    assert case.saved == ""


def test_a_ledger_is_appended_to(tmp_path: Path) -> None:
    url = (tmp_path / "l").as_uri()
    for name in "ab":
        FileLedger(url).write([AckGroup([EventRecord(name, "", NOWHERE, SENT)])])
    lines = [json.loads(line) for line in (tmp_path / "l").read_text().splitlines()]
    assert [line.get("id") for line in lines] == [None, "a", None, "b"]


def test_a_ledger_whose_last_writer_was_killed_goes_on_in_a_new_line(tmp_path: Path) -> None:
    (tmp_path / "l").write_text('{"id":"a","st')
    FileLedger((tmp_path / "l").as_uri())
    assert (tmp_path / "l").read_text().splitlines() == ['{"id":"a","st', '{"state":"start"}']


def test_a_ledger_tells_content_and_what_was_dropped_as_known(tmp_path: Path) -> None:
    ledger = FileLedger((tmp_path / "l").as_uri())
    digest = ledger.digest("é")
    ledger.write([AckGroup([EventRecord("a", "", NOWHERE, SENT, digest)])])
    ledger.repeated("a", "é")
    ledger.repeated("a", "other")
    told = [json.loads(line) for line in (tmp_path / "l").read_text().splitlines()[1:]]
    assert digest == hashlib.sha256("é".encode()).hexdigest()[:16]
    assert [entry["state"] for entry in told] == ["sent", "repeated", "repeated"]
    assert [entry["digest"] == digest for entry in told] == [True, True, False]


def test_a_ledger_that_cannot_be_opened_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(PermanentError, match="SLUICE_LEDGER"):
        FileLedger((tmp_path / "file" / "l").as_uri())


def test_a_position_does_not_move_when_the_ledger_fails() -> None:
    class Full:
        def write(self, _groups: object) -> None:
            raise PermanentError("disk full")

    case = Saving(ledger=Full())
    with pytest.raises(PermanentError):
        case.settle("1")
    case.progress.save(always=True)
    assert case.saved == ""
    assert Stop().requested is False


def test_while_the_ledger_is_written_nobody_waits_for_a_lock() -> None:
    writing, go_on = threading.Event(), threading.Event()
    written: list[str] = []

    class Slow(NoLedger):
        def write(self, groups: Sequence[AckGroup]) -> None:
            writing.set()
            assert go_on.wait(20)
            written.extend(record.event_id for group in groups for record in group.records)

    acks = Saving(ledger=Slow()).progress.acks
    groups = [acks.open() for _ in range(3)]
    for number, group in enumerate(groups):
        group.records.append(EventRecord(f"e{number}", "", NOWHERE, SENT))
        acks.close(group, 10)
    thread = threading.Thread(target=acks.done, args=[groups[0]], daemon=True)
    thread.start()
    assert writing.wait(20)
    acks.done(groups[2])
    acks.done(groups[1])
    acks.expect(acks.open())
    assert acks.buffered_events == 3
    go_on.set()
    thread.join(20)
    assert written == ["e0", "e1", "e2"]
    assert acks.buffered_events == 0
