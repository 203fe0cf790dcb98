"""`sluice dlq ls` and `show`."""

import json

import pytest
from rich.console import Console
from sluice_cli.dlq.redrive import Redriven
from sluice_cli.dlq.report import listing, outcome, single, summary
from sluice_cli.dlq.view import find, look
from sluice_core import reasons, wire
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.errors import PermanentError
from sluice_core.service.stop import Stop
from sluice_core.testing import FakeClock, FakeS3, FakeSqs

BIG = json.dumps({"meta": {"id": "big"}, "pad": "x" * 1_100_000})


@pytest.fixture
def queue() -> FakeSqs:
    return FakeSqs(FakeClock(), name="dlq")


@pytest.fixture
def bucket(queue: FakeSqs) -> FakeS3:
    bucket = FakeS3()
    dead_letters = DeadLetters(queue, bucket, stop=Stop(), clock=queue.clock)
    clock = queue.clock
    assert isinstance(clock, FakeClock)
    for n in range(12):
        dead_letters.send(
            [DeadLetter(f"no json {n}", reasons.NOT_JSON, f"line [red]{n}\x1b[0m", source="s")]
        )
        clock.advance(60)
    dead_letters.send([DeadLetter(BIG, reasons.TOO_LARGE, "large")])
    events = [b"{}", b"[]"]
    queue.put_message(wire.encode_pack(events, source="s", ids=["a", "b"]))
    return bucket


def _text(*tables: object) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    return capture.get()


def test_reasons_with_counts_and_the_oldest_dead_letters(queue: FakeSqs, bucket: FakeS3) -> None:
    found = look(queue, bucket, reason=None, limit=3, patience=0)
    assert {reason: (g.dead_letters, g.events) for reason, g in found.groups.items()} == {
        reasons.NOT_JSON: (12, 12),
        reasons.TOO_LARGE: (1, 1),
        "redriven": (1, 2),
    }
    assert [dead_letter.message_id for dead_letter in found.dead_letters] == ["m0", "m1", "m2"]
    assert found.groups[reasons.NOT_JSON].oldest < found.groups[reasons.NOT_JSON].newest
    assert queue.attributes().visible == 14
    text = _text(summary(found, "dlq"), listing(found))
    assert "14 dead letters in dlq" in text
    assert "[red]0" in text
    assert "\x1b" not in text
    assert "11 more: --limit" in text
    json.dumps(found.to_dict())


def test_filter_by_reason(queue: FakeSqs, bucket: FakeS3) -> None:
    found = look(queue, bucket, reason=reasons.TOO_LARGE, limit=20, patience=0)
    assert [dead_letter.ids for dead_letter in found.dead_letters] == [["big"]]
    assert list(found.groups) == [reasons.TOO_LARGE]


def test_show_one_and_its_body_only_when_asked(queue: FakeSqs, bucket: FakeS3) -> None:
    found = find(queue, bucket, "m12", body=False, patience=0)
    assert found.body is None
    assert found.key in bucket.objects
    assert "x" * 50 not in _text(single(found))
    assert find(queue, bucket, "m12", body=True, patience=0).body == BIG
    assert find(queue, bucket, "m0", body=True, patience=0).body == "no json 0"
    assert queue.attributes().visible == 14


def test_show_none_or_several(queue: FakeSqs, bucket: FakeS3) -> None:
    with pytest.raises(PermanentError, match="no dead letter's message id begins with 'zz'"):
        find(queue, bucket, "zz", body=False, patience=0)
    with pytest.raises(PermanentError, match="5 dead letters begin with 'm1': m1, m10, m11"):
        find(queue, bucket, "m1", body=False, patience=0)


def test_show_a_body_that_is_gone(queue: FakeSqs, bucket: FakeS3) -> None:
    bucket.objects.clear()
    with pytest.raises(PermanentError, match="gone from the bucket"):
        find(queue, bucket, "m12", body=True, patience=0)


def test_outcome_says_what_stays_and_what_to_do() -> None:
    done = Redriven(stays={"m1": "too large"}, undeleted=["m2"], stored_already=2, unseen=1)
    done.sent["not-json"] = 3
    lines = "\n".join(outcome(done, dry=True))
    for part in (
        "3 dead letters",
        "would go back",
        "m1: too large",
        "m2",
        "--reason or an ID",
        "--yes",
        "1 dead letter is held",
    ):
        assert part in lines
    assert "--yes" not in "\n".join(outcome(done, dry=False))
