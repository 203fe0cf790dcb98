"""`sluice check`: each fault is seen, and what to do about it is said."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from sluice_cli.check import Result, Service, check_bucket, check_queues, check_settings
from sluice_cli.main import app
from sluice_cli.target import Target
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.sqs import QueueAttributes, RefusedEntry
from sluice_core.errors import (
    AccessDeniedError,
    MissingResourceError,
    PermanentError,
    SluiceError,
    TemporaryError,
)
from sluice_core.settings import CommonSettings
from sluice_core.testing import Answer, FakeClock, FakeS3, FakeSqs, SseServer
from typer.testing import CliRunner


class Sqs(FakeSqs):
    """A queue with chosen attributes that refuses an empty batch as SQS does."""

    shown: QueueAttributes | None = None

    def send(self, messages: Sequence[OutMessage]) -> list[RefusedEntry]:
        if not messages:
            self.before("send")
            raise PermanentError("EmptyBatchRequest")
        return super().send(messages)

    def attributes(self) -> QueueAttributes:
        self.before("attributes")
        return self.shown or super().attributes()


@dataclass
class World:
    """What a Target has, in memory; an error in the place of a queue is raised."""

    main: Sqs | SluiceError
    dead: Sqs | SluiceError
    settings: CommonSettings

    @property
    def queue(self) -> Sqs:
        return _or_raise(self.main)

    @property
    def dlq(self) -> Sqs:
        return _or_raise(self.dead)

    def check(self) -> dict[str, Result]:
        return {result.name: result for result in check_queues(cast("Target", self))}


def _or_raise(found: Sqs | SluiceError) -> Sqs:
    if isinstance(found, SluiceError):
        raise found
    return found


def _world(**changes: Any) -> World:
    clock = FakeClock()
    main, dead = Sqs(clock, name="q"), Sqs(clock, name="q_dlq")
    main.shown = replace(
        QueueAttributes(3, 1, 0, 60, 1_048_576, "arn:aws:sqs:eu-west-1:1:q_dlq", 1000), **changes
    )
    return World(main, dead, CommonSettings())


def _states(results: dict[str, Result]) -> set[str]:
    return {result.state.value for result in results.values()}


def test_queues_that_are_as_they_should_be() -> None:
    world = _world()
    assert isinstance(world.main, Sqs)
    world.main.put_message(OutMessage("x"))
    results = world.check()
    assert _states(results) == {"ok"}
    assert set(results) == {
        "queue",
        "queue: permissions",
        "queue: retention",
        "dead-letter queue",
        "dead-letter queue: retention",
        "dead-letter queue: permissions",
        "redrive policy",
    }
    assert len(world.main) == 1
    assert world.main.receive()[0].body == "x"


@pytest.mark.parametrize(
    ("changes", "name", "state", "says"),
    [
        ({"max_receive_count": 3}, "redrive policy", "failed", "maxReceiveCount 3"),
        ({"max_receive_count": 9}, "redrive policy", "failed", "maxReceiveCount 9"),
        ({"max_receive_count": 10}, "redrive policy", "warning", "maxReceiveCount 10"),
        ({"max_receive_count": 100}, "redrive policy", "ok", "100 receives"),
        ({"redrive_target": None}, "redrive policy", "warning", "none"),
        ({"redrive_target": "arn:x:other"}, "redrive policy", "warning", "it leads to other"),
        ({"visibility_timeout": 5}, "visibility timeout", "warning", "5 s"),
        ({"retention": 345_599}, "queue: retention", "warning", "is deleted by SQS"),
        ({"retention": 345_600}, "queue: retention", "ok", "4 days"),
        ({"max_message_bytes": 262_144}, "message size", "warning", "262,144"),
    ],
)
def test_attributes_that_are_not(changes: dict[str, Any], name: str, state: str, says: str) -> None:
    result = _world(**changes).check()[name]
    assert result.state == state
    assert says in result.detail
    assert bool(result.advice) == (state != "ok")


def test_of_the_queue_a_service_is_tried_for_what_it_does_there() -> None:
    def deny(done: str) -> None:
        if done in ("receive", "delete", "extend"):
            raise AccessDeniedError(f"{done}: denied")

    world = _world()
    world.queue.before = deny
    found = {
        service: next(
            r
            for r in check_queues(cast("Target", world), [service])
            if r.name == "queue: permissions"
        )
        for service in (Service.PRODUCER, Service.BATCHER)
    }
    assert (found[Service.PRODUCER].state, found[Service.PRODUCER].detail) == ("ok", "send")
    assert found[Service.BATCHER].state == "failed"
    assert "sqs:ReceiveMessage, DeleteMessage and Change" in found[Service.BATCHER].advice


@pytest.mark.parametrize("action", ["send", "receive", "delete", "extend"])
@pytest.mark.parametrize("place", ["queue", "dead-letter queue"])
def test_a_permission_that_is_missing(action: str, place: str) -> None:
    world = _world()

    def deny(done: str) -> None:
        if done == action:
            raise AccessDeniedError(f"{done}: denied")

    (world.queue if place == "queue" else world.dlq).before = deny
    results = world.check()
    bad = [name for name, result in results.items() if result.state == "failed"]
    assert bad == [f"{place}: permissions"]
    assert action.replace("extend", "change visibility") in results[bad[0]].detail


def test_queues_that_are_missing() -> None:
    world = _world()
    world.main = MissingResourceError("no queue")
    results = world.check()
    assert results["queue"].state == "failed"
    assert "SLUICE_QUEUE" in results["queue"].advice
    assert results["dead-letter queue"].state == "skipped"
    world = _world()
    world.dead = MissingResourceError("no queue")
    assert "sse_queue_dlq" in world.check()["dead-letter queue"].advice


def test_the_endpoint_does_not_answer() -> None:
    world = _world()
    world.main = TemporaryError("connection refused")
    assert "AWS_ENDPOINT_URL" in world.check()["queue"].advice


def test_a_dead_letter_queue_that_is_the_queue_itself() -> None:
    world = _world()
    world.dead = world.main
    assert "go round for ever" in world.check()["dead-letter queue"].detail


def test_a_bucket_that_is_as_it_should_be_is_left_empty() -> None:
    bucket = FakeS3()
    bucket.put("events/a", b"")
    results = list(check_bucket(bucket))
    assert {result.state.value for result in results} == {"ok"}
    assert len(results) == 7
    assert list(bucket.objects) == ["events/a"]


def test_a_bucket_that_keeps_versions_is_left_empty_too() -> None:
    bucket = FakeS3(versioned=True)
    results = list(check_bucket(bucket))
    assert {result.state for result in results} == {"ok"}
    assert (bucket.objects, bucket.past) == ({}, {})


def test_versions_that_the_role_may_not_delete_are_named() -> None:
    def deny(action: str) -> None:
        if action == "erase":
            raise AccessDeniedError("no s3:ListBucketVersions")

    bucket = FakeS3(versioned=True, before=deny)
    results = list(check_bucket(bucket))
    (named,) = [result for result in results if result.state != "ok"]
    assert (named.state, named.name) == ("warning", "bucket: versions")
    assert "s3:DeleteObjectVersion" in named.advice
    assert bucket.objects == {}


class Careless(FakeS3):
    """A store that knows no conditions."""

    ignores: Sequence[str] = ()

    def put(self, key: str, body: bytes, **options: Any) -> str:
        return super().put(key, body, **{k: v for k, v in options.items() if k not in self.ignores})


@pytest.mark.parametrize(
    ("ignores", "name"),
    [
        (["if_none_match"], "bucket: create once (If-None-Match)"),
        (["if_match"], "bucket: replace if unchanged (If-Match)"),
    ],
)
def test_a_store_without_conditions(ignores: list[str], name: str) -> None:
    bucket = Careless()
    bucket.ignores = ignores
    results = list(check_bucket(bucket))
    assert [result.name for result in results if result.state == "failed"] == [name]
    assert bucket.objects == {}


@pytest.mark.parametrize(
    ("action", "failing"),
    [
        ("check", "bucket"),
        ("put", "bucket: write"),
        ("get", "bucket: read"),
        ("list", "bucket: list"),
        ("delete", "bucket: delete"),
    ],
)
def test_a_bucket_that_denies(action: str, failing: str) -> None:
    bucket = FakeS3()

    def deny(done: str) -> None:
        if done == action:
            raise AccessDeniedError(f"{done}: denied")

    bucket.before = deny
    results = {result.name: result for result in check_bucket(bucket)}
    assert results[failing].state == "failed"
    assert "permission" in results[failing].advice


def _answer(code: int, out: str = "", err: str = "") -> Callable[[str, str], Any]:
    return lambda module, _option: subprocess.CompletedProcess([module], code, out, err)


def test_settings_are_the_services_own() -> None:
    result, values = check_settings("sluice_batcher")
    assert (result.state, result.advice) == ("ok", "")
    assert values is not None
    assert values["SLUICE_BATCH_MAX_ROWS"] == "100"


def test_settings_that_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_BATCH_MAX_ROWS", "many")
    result, values = check_settings("sluice_batcher")
    assert (result.state, values) == ("failed", None)
    assert result.detail.startswith("SLUICE_BATCH_MAX_ROWS='many': ")


def test_the_compactors_settings_are_asked_for_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLUICE_LAKE_TABLE", "no.dots.please")
    arguments = ["check", "--no-aws", "--no-source", "--json"]
    result = CliRunner().invoke(app, arguments)
    states = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert states["settings of sluice_compactor"]["state"] == "failed"
    assert "SLUICE_LAKE_TABLE" in states["settings of sluice_compactor"]["detail"]
    monkeypatch.setattr("sluice_cli.check.services.is_installed", lambda: False)
    result = CliRunner().invoke(app, arguments)
    assert "sluice_compactor" not in result.stdout


def test_a_service_that_is_not_there() -> None:
    result, _ = check_settings("sluice_nothing")
    assert "No module named" in result.detail
    assert "install it" in result.advice
    result, _ = check_settings("x", _answer(3))
    assert result.detail == "exit 3"
    result, values = check_settings("x", _answer(0, "A=b=c\nnoise\n"))
    assert (result.state, values) == ("ok", {"A": "b=c"})


def test_command_without_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SseServer(lambda _request: Answer([b"data: {}\n\n"], hang=True))
    monkeypatch.setenv("SLUICE_SOURCE_URL", server.url)
    result = CliRunner().invoke(app, ["check", "--no-aws", "--json"])
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["ok"] is True
    assert [check["state"] for check in report["checks"]] == ["ok"] * 5
    monkeypatch.setenv("SLUICE_PACK_MAX_BYTES", "2MiB")
    result = CliRunner().invoke(app, ["check", "--no-aws"])
    assert result.exit_code == 1
    assert "✗ settings of sluice_producer  SLUICE_PACK_MAX_BYTES='2MiB'" in result.stdout
    assert "– source" in result.stdout
