"""`sluice verify`, `read`, `dlq` and `check` against a real LocalStack, and the first with real services."""

import json
from pathlib import Path
from typing import Any

import pytest
from harness.source import Source
from harness.waiting import until
from sluice_cli.main import app
from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import chunked
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.service.stop import Stop
from typer.testing import CliRunner

pytestmark = pytest.mark.functional

CONTACT = "sluice-functional-tests (mailto:nobody@example.org)"


def _run(cloud, *args: str, expect: int = 0, **environ: str) -> str:
    done = CliRunner().invoke(app, list(args), env={**cloud.environ(), "COLUMNS": "200", **environ})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == expect, done.output
    return done.stdout


def _json(cloud, *args: str, expect: int = 0, **environ: str) -> dict[str, Any]:
    return json.loads(_run(cloud, *args, "--json", expect=expect, **environ))


def _event(name: str, **more: Any) -> bytes:
    return json.dumps({"meta": {"id": name}, **more}).encode()


def _send(queue, messages: list[OutMessage]) -> None:
    for part in chunked(messages):
        assert queue.send(part) == []


def _add_dead_letters(cloud, dead_letters: list[DeadLetter]) -> None:
    DeadLetters(cloud.dlq, cloud.bucket, stop=Stop()).send(dead_letters)


def _names(start: str, count: int) -> list[str]:
    return [f"{start}{n}" for n in range(count)]


def test_verify_counts_every_message_of_both_queues_and_leaves_them(cloud, tmp_path: Path) -> None:
    stored, dead, packed, waiting = (
        _names(c, n) for c, n in (("s", 50), ("d", 34), ("p", 7), ("w", 23))
    )
    rows = "event_id\n" + "\n".join([*stored, "s0", "s0", "s1"]) + "\n"
    cloud.bucket.put("events/dt=1/batch-1.csv", rows.encode(), metadata={"rows": "53"})
    _add_dead_letters(
        cloud, [DeadLetter(_event(name).decode(), reasons.BAD_EVENT, "") for name in dead]
    )
    _add_dead_letters(
        cloud, [DeadLetter(_event("big", pad="x" * 1_200_000).decode(), reasons.TOO_LARGE, "")]
    )
    _send(cloud.dlq, [wire.encode_pack([_event(n) for n in packed], source="s", ids=packed)])
    _send(cloud.queue, [wire.encode_plain(_event(n), source="s", event_id=n) for n in waiting])
    (tmp_path / "ids").write_text("\n".join([*stored, *dead, *packed, *waiting, "big", "gone"]))

    said = _json(cloud, "verify", "--source-ids", str(tmp_path / "ids"), "--queue", expect=1)

    assert said["samples"]["lost"] == ["gone"]
    numbers = {
        name: said[name] for name in ("source", "stored", "rows", "duplicates", "duplicated_ids")
    }
    assert numbers == {
        "source": 116,
        "stored": 50,
        "rows": 53,
        "duplicates": 3,
        "duplicated_ids": 2,
    }
    assert (said["dead_lettered"], said["pending"], said["unexpected"]) == (42, 23, 0)
    assert said["dead_letters"]["reasons"] == {"bad-event": 34, "redriven": 7, "too-large": 1}
    assert (cloud.dlq.attributes().visible, cloud.queue.attributes().visible) == (36, 23)
    text = _run(cloud, "verify", "--source-ids", str(tmp_path / "ids"), "--queue", expect=1)
    assert "✗ 1 event is lost" in text


def test_verify_tells_of_dead_letters_that_somebody_else_holds(cloud) -> None:
    _add_dead_letters(cloud, [DeadLetter(f"no json {n}", reasons.NOT_JSON, "") for n in range(15)])
    held = cloud.dlq.receive(max_messages=10, visibility=60)
    # No object and no source: the dead letters are told, and nothing is certified.
    said = _json(cloud, "verify", "--wait", "0.5", expect=2)
    assert said["dead_letters"]["unseen_messages"] == len(held)
    cloud.dlq.extend([message.receipt_handle for message in held], 0)
    assert _json(cloud, "verify", expect=2)["dead_lettered"] == 15


def test_verify_names_what_is_missing(cloud) -> None:
    assert "no-such-bucket" in _failing(cloud, "verify", SLUICE_BUCKET="no-such-bucket")
    assert "no-such-queue" in _failing(cloud, "verify", SLUICE_DLQ="no-such-queue")
    assert "SLUICE_BUCKET='_'" in _failing(cloud, "verify", SLUICE_BUCKET="_")


def _failing(cloud, *args: str, expect: int = 2, **environ: str) -> str:
    done = CliRunner().invoke(app, list(args), env={**cloud.environ(), **environ})
    assert (done.exit_code, done.stdout) == (expect, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_the_account_follows_real_services_and_sees_an_object_that_is_gone(
    make_pipeline, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger" / "producer.jsonl"
    pipeline = make_pipeline(
        1500, settings={"SLUICE_LEDGER": ledger.as_uri(), "SLUICE_COLUMNS": "recentchange"}
    )
    pipeline.start()
    pipeline.lossless()
    cloud = pipeline.cloud
    files = ("--source-ids", str(pipeline.source.ledger), "--ledger", str(ledger))
    said = _json(cloud, "verify", *files)
    assert (said["lost"], said["never_sent"], said["unread"]) == (0, 0, 0)
    assert said["filtered"] == 2  # a canary every 601 events
    assert _json(cloud, "verify", "--ledger", str(ledger))["lost"] == 0

    victim = next(stored.key for stored in cloud.bucket.list("events/"))
    rows = int(cloud.bucket.head(victim).metadata["rows"])
    cloud.bucket.delete(victim)
    said = _json(cloud, "verify", *files, expect=1)
    assert (said["lost"], said["never_sent"]) == (rows, 0)

    out = _run(
        cloud, "read", f"s3://{cloud.name}/events", "--columns", "event_id,title", "--limit", "3"
    )
    assert "3 rows of" in out
    copy = tmp_path / "copy"
    copy.mkdir()
    _run(cloud, "read", f"s3://{cloud.name}/events", "-o", str(copy / "all.parquet"))
    assert _json(cloud, "verify", str(copy), "--ledger", str(ledger), expect=1)["lost"] == rows
    # A ledger beside it is an object without ids: then nobody can count.
    said = _json(cloud, "verify", str(tmp_path), "--ledger", str(ledger), expect=2)
    assert "has no column 'event_id'" in said["doubts"][0]


def test_dead_letters_listed_shown_sent_back_and_stored(make_pipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline(0)
    cloud = pipeline.cloud
    whole = _names("p", 5)
    big = _event("big", pad="x" * 1_048_300).decode()
    pack = wire.encode_pack([_event(n) for n in whole], source="s", ids=whole)
    _send(cloud.dlq, [pack])
    _add_dead_letters(
        cloud,
        [
            DeadLetter(_event(n).decode(), reasons.TRANSFORM_FAILED, "hook", "s", "pid", 2)
            for n in _names("t", 23)
        ],
    )
    _add_dead_letters(cloud, [DeadLetter(big, reasons.TOO_LARGE, "too large", source="s")])
    _add_dead_letters(cloud, [DeadLetter("x" * 1_100_000, reasons.TOO_LARGE, "never", source="s")])

    listed = _json(cloud, "dlq", "ls", "--limit", "100")
    assert {reason: group["letters"] for reason, group in listed["groups"].items()} == {
        reasons.TRANSFORM_FAILED: 23,
        reasons.TOO_LARGE: 2,
        "redriven": 1,
    }
    assert len(_json(cloud, "dlq", "ls", "--reason", reasons.TOO_LARGE)["letters"]) == 2
    assert "26 dead letters in" in _run(cloud, "dlq", "ls")
    name = next(x["message_id"] for x in listed["letters"] if x["ids"] == ["t7"])
    assert _json(cloud, "dlq", "show", name)["body"] is None
    assert _json(cloud, "dlq", "show", name, "--body")["body"] == _event("t7").decode()

    one = _json(cloud, "dlq", "redrive", name[:12])
    assert (one["sent"], one["dry_run"]) == ({reasons.TRANSFORM_FAILED: 1}, True)
    assert "no dead letter's message id begins with 'zz'" in _failing(
        cloud, "dlq", "redrive", "zz", expect=1
    )

    dry = _run(cloud, "dlq", "redrive", expect=1)
    assert "25 dead letters (29 events) would go back" in dry
    assert "1,100,020 bytes are more than the queue takes" in dry
    assert (cloud.dlq.attributes().visible, cloud.queue.attributes().visible) == (26, 0)

    assert _json(cloud, "dlq", "redrive", "--yes", expect=1)["events"] == 29
    assert (cloud.dlq.attributes().depth, cloud.queue.attributes().visible) == (1, 25)
    assert len(list(cloud.bucket.list("_sluice/dead/"))) == 1

    pipeline.start_batcher(SLUICE_MAX_EVENT_BYTES="2MB")
    until(lambda: cloud.queue.attributes().depth == 0, "an empty queue")
    wanted = {*whole, *_names("t", 23), "big"}
    assert {str(row["event_id"]) for row in pipeline.rows()} == wanted
    (tmp_path / "ids").write_text("\n".join(wanted))
    assert _json(cloud, "verify", "--source-ids", str(tmp_path / "ids"))["lost"] == 0


def test_check_of_a_place_that_is_right_and_of_wrong_ones(cloud, tmp_path: Path) -> None:
    source = Source(tmp_path / "ledger", 5)
    try:
        right = {"SLUICE_SOURCE_URL": source.url, "SLUICE_USER_AGENT": CONTACT}
        said = _json(cloud, "check", **right)
        assert {check["state"] for check in said["checks"]} <= {"ok", "warning"}, said
        assert len(said["checks"]) == 20
        assert [check["name"] for check in said["checks"] if check["state"] == "warning"] == [
            "visibility timeout"
        ]
        assert list(cloud.bucket.list("_sluice/")) == []
        versions = {"Status": "Enabled"}
        cloud.aws.s3.put_bucket_versioning(Bucket=cloud.name, VersioningConfiguration=versions)
        _json(cloud, "check", "--no-source", **right)
        found = cloud.aws.s3.list_object_versions(Bucket=cloud.name)
        assert (found.get("Versions"), found.get("DeleteMarkers")) == (None, None)
        wrong = {**right, "SLUICE_BUCKET": "no-such-bucket", "SLUICE_QUEUE": "no-such-queue"}
        said = _json(cloud, "check", "--no-source", expect=1, **wrong)
        failed = {
            check["name"]: check["advice"] for check in said["checks"] if check["state"] == "failed"
        }
        assert set(failed) == {"queue", "bucket"}
        assert "SLUICE_BUCKET" in failed["bucket"]
    finally:
        source.close()
