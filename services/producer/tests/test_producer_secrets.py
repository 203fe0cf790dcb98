"""The real process, with a secret wherever one may be: nothing that leaves it holds one of them."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import msgspec
import pytest
from sluice_core.errors import AccessDeniedError, SluiceError, TemporaryError
from sluice_core.testing import Answer, FakeClock, FakeS3, SseServer
from sluice_producer.progress.checkpoint import Checkpoint, Document
from sluice_producer.progress.stores import S3Store
from sluice_producer.progress.tracker import TrackerState
from sluice_producer.testing import frame
from sluice_producer.testing.whole import Cloud, Running, stop_all, until

QUERY = "access_token=t0ken-of-mine&stream=user"
SECRETS = ("hunter2-pw", "t0ken-of-mine", "k3y-of-mine")


@pytest.fixture(autouse=True)
def _leave_no_producer() -> Iterator[None]:
    yield
    stop_all()


def secretive(url: str) -> str:
    return f"{url.replace('://', '://me:hunter2-pw@')}?{QUERY}"


def test_messages_dead_letters_checkpoint_metrics_and_health_hold_no_secret() -> None:
    cloud = Cloud()
    frames = [frame('{"n":1}', sse_id="1"), frame("no json", sse_id="2")]

    def script(_request: object) -> Answer:
        if len(server.requests) > 1:
            return Answer([f"no {SECRETS} here".encode()], 503)
        return Answer(frames, cut=True)

    with SseServer(script) as server:
        running = Running(
            cloud,
            secretive(server.url),
            SLUICE_SOURCE_PRESET="generic",
            SLUICE_SOURCE_HEADERS="X-Key: k3y-of-mine",
            SLUICE_SOURCE_NAME="",
        )
        until(lambda: cloud.queue.sent and cloud.dlq.sent, "an event and a dead letter")
        until(lambda: "********" in str(running.runtime.health.not_ready()), "a refusal")
        assert server.requests[0].headers["x-key"] == "k3y-of-mine"
        told = [
            *(str((m.body, m.attributes)) for m in (*cloud.queue.sent, *cloud.dlq.sent)),
            str({key: item.body for key, item in cloud.bucket.objects.items()}),
            str(running.runtime.health.not_ready()),
            str(list(running.runtime.metrics.registry.collect())),
            running.settings.name,
        ]
        assert running.stop() is None
    assert not [
        (secret, text) for secret in (*SECRETS, "stream=user") for text in told if secret in text
    ]
    assert cloud.checkpoint.url == server.url


def test_no_line_of_the_process_holds_a_secret() -> None:
    """Nobody listens there: the errors are those of requests and urllib3, with the URL in them."""
    base = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "AWS_"))}
    environ = {
        "SLUICE_SOURCE_URL": secretive("http://127.0.0.1:1/stream"),
        "SLUICE_SOURCE_HEADERS": "X-Key: k3y-of-mine",
        "SLUICE_CHECKPOINT": "file:///nowhere/in/particular.json",
        "SLUICE_HTTP_PORT": "0",
        "SLUICE_HTTP_HOST": "127.0.0.1",
        "SLUICE_LOG_LEVEL": "DEBUG",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "sluice_producer"],
        env=base | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "http_port" in line:
                port = json.loads(line)["http_port"]
            if '"waiting"' in line:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
                    lines.append(reply.read().decode())
                process.terminate()
                break
        lines += process.stdout.readlines()
    assert any("SLUICE_SOURCE_NAME" in line for line in lines)
    assert not [(s, line) for s in (*SECRETS, "stream=user") for line in lines if s in line]


# A checkpoint from before, whose key and text hold the query.


def old(bucket: FakeS3, preset: str = "generic") -> None:
    document = Document(
        1, "h-x-token-1234567", preset, "http://h/x?token=1234567", "o", 7, 3, "then",
        TrackerState(5, last_event_id="41"),
    )  # fmt: skip
    bucket.put("_sluice/checkpoint/h-x-token-1234567.json", msgspec.json.encode(document))


def held(bucket: FakeS3) -> Checkpoint:
    return Checkpoint(
        S3Store(bucket, "_sluice/checkpoint/h-x.json"),
        FakeClock(),
        source="h-x",
        preset="generic",
        url="http://h/x",
        owner="me",
        former=S3Store(bucket, "_sluice/checkpoint/h-x-token-1234567.json"),
    )


def test_a_checkpoint_under_the_old_key_is_found_and_taken_over() -> None:
    bucket = FakeS3()
    old(bucket)
    checkpoint = held(bucket)
    state = checkpoint.claim()
    assert state is not None
    assert state.last_event_id == "41"
    checkpoint.save(state)
    new = msgspec.json.decode(bucket.objects["_sluice/checkpoint/h-x.json"].body, type=Document)
    assert (new.position.last_event_id, new.generation, new.url) == ("41", 8, "http://h/x")
    assert b"1234567" not in bucket.objects["_sluice/checkpoint/h-x.json"].body


def test_the_new_checkpoint_comes_before_the_old_one() -> None:
    bucket = FakeS3()
    old(bucket)
    first = held(bucket)
    first.claim()
    first.save(TrackerState(5, last_event_id="99"))
    state = held(bucket).claim()
    assert state is not None
    assert state.last_event_id == "99"


def test_without_either_it_is_a_first_start() -> None:
    assert held(FakeS3()).claim() is None


@pytest.mark.parametrize("kind", [TemporaryError, AccessDeniedError])
def test_an_old_checkpoint_that_cannot_be_read_stops_the_start_without_its_key(
    kind: type[SluiceError],
) -> None:
    bucket = FakeS3()
    old(bucket)
    get = bucket.get

    def refuse(key: str) -> object:
        if "1234567" in key:
            raise kind(f"s3://bucket/{key}: no")
        return get(key)

    bucket.get = refuse  # type: ignore[method-assign,assignment]
    with pytest.raises(SluiceError) as caught:
        held(bucket).claim()
    assert "1234567" not in str(caught.value)
    assert "h-x.json" in str(caught.value)
