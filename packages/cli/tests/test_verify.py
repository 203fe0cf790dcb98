"""`sluice verify`: the verdict on known data, and the command on files."""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_cli.main import app
from sluice_cli.verify.report import notes
from sluice_cli.verify.verdict import judge, read_messages, read_objects
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage
from sluice_core.deadletter import DeadLetter
from sluice_core.lake.told import FILTERED, MUST, Telling, Told
from sluice_core.testing import FakeClock, FakeS3, FakeSqs
from sluice_core.wire.event_id import digest
from typer.testing import CliRunner

names = st.lists(st.sampled_from([f"e{n}" for n in range(9)]), max_size=12)


def _given(ids: list[str], filtered: Sequence[str] = (), torn: int = 0) -> Telling:
    """Each id once or more, with the same content every time; `filtered` ones need not be there."""
    told = Told.of(ids)
    states = [FILTERED if name in filtered else MUST for name in ids]
    return Telling.of(
        replace(told, states=np.array(states, np.uint8), digests=told.digests + 1, torn=torn)
    )


def _event(name: str) -> bytes:
    return json.dumps({"meta": {"id": name}}).encode()


def _put(bucket: FakeS3, number: int, ids: list[str], rows: int | None = None) -> None:
    body = "n,event_id\n" + "".join(f"{n},{name}\n" for n, name in enumerate(ids))
    bucket.put(
        f"events/dt=1/batch-{number}.csv.gz",
        gzip.compress(body.encode()),
        metadata={"rows": str(len(ids) if rows is None else rows)},
    )


@given(source=names, first=names, second=names, dead=names, packed=names, pending=names)
def test_the_verdict_is_the_models(  # noqa: PLR0917  (hypothesis calls it by name)
    source: list[str],
    first: list[str],
    second: list[str],
    dead: list[str],
    packed: list[str],
    pending: list[str],
) -> None:
    bucket, clock = FakeS3(), FakeClock()
    for number, ids in enumerate((first, second)):
        _put(bucket, number, ids)
    queue, dlq = FakeSqs(clock), FakeSqs(clock)
    for name in dead:
        dlq.put_message(DeadLetter(_event(name).decode(), reasons.BAD_EVENT, "").to_message())
    if packed:
        dlq.put_message(wire.encode_pack([_event(n) for n in packed], source="s", ids=packed))
    for name in pending:
        queue.put_message(wire.encode_plain(_event(name), source="s", event_id=name))
    dead_letters = read_messages(dlq, bucket, patience=0)
    queued = read_messages(queue, bucket, patience=0)
    verdict = judge(
        read_objects("s3://bucket/events", bucket, "event_id"),
        source=_given(source),
        dead_letters=dead_letters,
        queued=queued,
        samples=99,
    )
    found, rows, came = verdict.account, Counter(first + second), Counter(source)
    lost = came - (rows + Counter(dead) + Counter(packed) + Counter(pending))
    assert (found.lost, set(found.samples["lost"])) == (lost.total(), set(lost))
    assert verdict.exit_code == (1 if lost else 0)
    assert found.duplicates == (rows - (came | Counter(rows.keys()))).total()
    assert set(found.samples["dead_lettered"]) >= {*dead, *packed} - set(rows)
    assert set(found.samples["pending"]) >= set(pending) - set(rows) - {*dead, *packed}
    assert dead_letters.reasons == +Counter({"bad-event": len(dead), "redriven": len(packed)})
    assert len(dlq) == len(dead) + bool(packed)
    assert dlq.attributes().visible == len(dlq)


def test_metadata_that_do_not_fit_and_unreadable_objects_fail_the_verdict() -> None:
    bucket = FakeS3()
    _put(bucket, 1, ["a"], rows=2)
    bucket.put("events/dt=1/batch-2.parquet", b"PAR1")
    bucket.put("events/dt=1/batch-3.csv", b"n,event_id\n1,b\n2,\n")
    verdict = judge(
        read_objects("s3://bucket/events", bucket, "event_id"), source=_given(["a", "b"])
    )
    assert verdict.account.lost == 0
    assert not verdict.ok
    assert list(verdict.objects.unreadable) == ["dt=1/batch-2.parquet"]
    assert verdict.objects.odd == {
        "dt=1/batch-1.csv.gz": "its metadata say 2 rows, it holds 1",
        "dt=1/batch-3.csv": "1 of its 2 rows have no event id",
    }
    assert verdict.rows_without_id == 1


def test_the_ledger_tells_where_an_event_was_lost() -> None:
    bucket = FakeS3()
    _put(bucket, 1, ["a"])
    objects = read_objects("s3://bucket/events", bucket, "event_id")
    verdict = judge(
        objects,
        source=_given(["a", "b", "c", "d", "e", "f"]),
        ledger=_given(["a", "b", "d"], ["d"], torn=1),
    )
    assert (verdict.account.lost, verdict.never_sent, verdict.unread) == (2, 1, 2)
    assert any("1 of the lost are not in the producer's ledger" in line for line in notes(verdict))
    assert judge(objects, ledger=_given(["a", "b"])).account.lost == 1


def test_messages_that_nobody_can_read_are_told_of() -> None:
    clock = FakeClock()
    dlq = FakeSqs(clock)
    pack = wire.encode_pack([_event(n) for n in "abc"], source="s", ids=list("abc"))
    dlq.put_message(OutMessage(pack.body[:20], pack.attributes))
    dead_letters = read_messages(dlq, None, patience=0)
    verdict = judge(
        read_objects("s3://b/x", FakeS3(), "event_id"),
        source=_given(list("abc")),
        dead_letters=dead_letters,
    )
    assert verdict.account.samples["lost"] == ["b"]
    assert any("1 event stands in messages" in line for line in notes(verdict))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "batch-1.csv").write_text("event_id\na\nb\nb\n")
    return tmp_path


def _run(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["verify", *args])
    return result.exit_code, result.stdout, result.stderr


def test_command_on_a_directory(lake: Path) -> None:
    (lake / "ids").write_text("a\nb\n")
    code, out, _ = _run(str(lake / "lake"), "--source-ids", str(lake / "ids"))
    assert code == 0
    assert "nothing is lost" in out
    (lake / "ids").write_text("a\nb\nc\n")
    code, out, _ = _run(str(lake / "lake"), "--source-ids", str(lake / "ids"), "--json")
    told = json.loads(out)
    assert code == 1
    assert (told["lost"], told["duplicates"], told["samples"]["lost"]) == (1, 1, ["c"])
    assert told["dead_letters"] is None


def test_command_with_the_producers_ledger_alone(lake: Path) -> None:
    (lake / "ledger").write_text('{"id":"a","state":"sent"}\n{"id":"x","state":"filtered"}\n')
    code, out, _ = _run(str(lake / "lake"), "--ledger", str(lake / "ledger"), "--json")
    told = json.loads(out)
    assert (code, told["lost"], told["filtered"], told["unexpected"]) == (0, 0, 1, 2)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere"], "nowhere does not exist: name a directory or s3://"),
        ([".", "--source-ids", "nowhere"], "cannot read nowhere"),
    ],
)
def test_command_that_cannot_do_its_work(args: list[str], says: str) -> None:
    code, out, err = _run(*args)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_another_id_column(lake: Path) -> None:
    (lake / "lake" / "batch-1.csv").write_text("key\na\n")
    code, out, _ = _run(str(lake / "lake"))
    assert code == 2
    assert "cannot count" in out
    assert "has no column 'event_id'" in out
    assert _run(str(lake / "lake"), "--id-column", "key")[0] == 0


def test_an_empty_prefix_certifies_nothing(lake: Path) -> None:
    (lake / "empty").mkdir()
    code, out, _ = _run(str(lake / "empty"))
    assert code == 2
    assert "There are no objects there: is the prefix right?" in out
    assert "whole" not in out


def test_repeated_ids_without_content_are_not_certified(lake: Path) -> None:
    (lake / "ids").write_text("a\nb\nb\n")
    code, out, _ = _run(str(lake / "lake"), "--source-ids", str(lake / "ids"), "--json")
    told = json.loads(out)
    assert (code, told["lost"], told["untold_ids"], told["exit_code"]) == (2, 0, 1, 2)


def test_two_events_under_one_id_are_not_certified(lake: Path) -> None:
    entries = [("a", "1"), ("b", "1"), ("b", "2")]
    (lake / "ledger").write_text(
        "".join(f'{{"id":"{i}","state":"sent","digest":"{d * 16}"}}\n' for i, d in entries)
    )
    code, out, _ = _run(str(lake / "lake"), "--ledger", str(lake / "ledger"))
    assert code == 2
    assert "1 ids were given to events that differ (for example b)" in out
    (lake / "ledger").write_text((lake / "ledger").read_text().replace("2222", "1111"))
    assert _run(str(lake / "lake"), "--ledger", str(lake / "ledger"))[0] == 0


def test_rows_that_a_transform_left_out_are_told_by_objects_and_notes() -> None:
    bucket = FakeS3()
    body = b"event_id\na\n"
    bucket.put("events/batch-1.csv", body, metadata={"rows": "1", "rows-dropped": "2"})
    bucket.put("_sluice/dropped/events/1", b"", metadata={"rows-dropped": "3"})
    bucket.put("_sluice/dropped/other/1", b"", metadata={"rows-dropped": "9"})
    objects = read_objects("s3://bucket/events", bucket, "event_id")
    verdict = judge(objects, source=_given([*"abcdef"]))
    assert (objects.dropped, verdict.account.lost, verdict.exit_code) == (5, 0, 0)
    assert judge(objects, source=_given([*"abcdefg"])).account.lost == 1
    # Counted more often than rows are missing: one of them could be a loss.
    assert judge(objects, source=_given([*"abcde"])).exit_code == 2


@pytest.mark.parametrize("rule", [("meta", "id"), ("key.with", "id"), "sha256"])
@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz"])
def test_raw_objects_are_counted_by_the_id_that_the_producer_saw(
    rule: str | tuple[str, ...], name: str
) -> None:
    lines = [
        json.dumps({part: {"id": f"{part}{n}"} for part in ("meta", "key.with")}).encode()
        for n in range(3)
    ]
    ids = [digest(line) if rule == "sha256" else f"{rule[0]}{n}" for n, line in enumerate(lines)]
    body = b"".join(line + b"\n" for line in lines)
    bucket = FakeS3()
    bucket.put(
        f"events/{name}",
        gzip.compress(body) if name.endswith("gz") else body,
        metadata={"rows": "3", "columns": "raw"},
    )
    found = read_objects("s3://bucket/events", bucket, "event_id", rule)
    verdict = judge(found, source=_given([*ids, "gone"]), samples=9)
    assert verdict.account.samples["lost"] == ["gone"]
    assert (verdict.account.rows, verdict.account.unexpected) == (3, 0)


def test_raw_objects_cannot_be_counted_by_sse_ids_nor_be_cut_short() -> None:
    bucket = FakeS3()
    bucket.put("events/b.jsonl", _event("a") + b"\n", metadata={"rows": "2", "columns": "raw"})
    found = read_objects("s3://bucket/events", bucket, "event_id", "sse")
    assert "SLUICE_EVENT_ID=sse" in found.uncounted["b.jsonl"]
    found = read_objects("s3://bucket/events", bucket, "event_id")
    assert found.odd == {"b.jsonl": "its metadata say 2 rows, it holds 1"}


def test_a_directory_of_raw_objects_is_counted_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.jsonl").write_bytes(b'{"key": {"id": "a"}}\n{"key": {"id": "b"}}\n')
    (tmp_path / "ids").write_text("a\nb\nc\n")
    asked = [str(tmp_path / "data"), "--source-ids", str(tmp_path / "ids"), "--json"]
    found = CliRunner().invoke(app, ["verify", *asked, "--event-id", "key.id"])
    assert found.exit_code == 1, found.output
    assert json.loads(found.output)["lost"] == 1
    assert CliRunner().invoke(app, ["verify", *asked, "--event-id", "key..id"]).exit_code == 2
