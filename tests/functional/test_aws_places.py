"""Queues of other regions, encrypted objects, and AWS's own redrive, with a real LocalStack."""

import json

import pytest
from harness.cloud import CREDENTIALS, Cloud
from harness.pipeline import VISIBILITY, Pipeline
from harness.source import ScriptedSource
from harness.waiting import until
from moto.server import ThreadedMotoServer
from sluice_core import reasons
from sluice_core.aws import clients
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.provision import make_queues
from sluice_core.aws.sqs import Queue, dead_letter_queue
from sluice_core.deadletter import DeadLetter, DeadLetters
from sluice_core.service.stop import Stop
from sluice_core.settings import CommonSettings, load_settings
from sluice_core.wire import encode_pack

pytestmark = pytest.mark.functional

ACCOUNT = "000000000000"


def event(name, **fields):
    meta = {"id": name, "domain": "test.example", "dt": "2026-11-23T14:00:00Z"}
    return json.dumps({"meta": meta, "title": name, **fields}).encode()


@pytest.mark.parametrize("form", ["arn", "url"])
def test_a_queue_of_another_region_works_from_here(localstack, form):
    cloud = Cloud.at(localstack.endpoint, visibility=VISIBILITY)
    there = clients(
        load_settings(
            CommonSettings,
            {"AWS_ENDPOINT_URL": localstack.endpoint, **CREDENTIALS, "AWS_REGION": "eu-west-1"},
        )
    )
    made, dead = make_queues(there, cloud.name, cloud.dlq_name)
    given = {
        "arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{cloud.name}",
        "url": f"http://sqs.eu-west-1.localhost.localstack.cloud/{ACCOUNT}/{cloud.name}",
    }[form]

    queue = Queue.resolve(cloud.aws, given)
    assert queue.send([OutMessage("over there")]) == []
    assert [m.body for m in made.receive(wait_seconds=1)] == ["over there"]

    dead_letters = dead_letter_queue(cloud.aws, queue, None)
    assert dead_letters.name == dead.name
    assert dead_letters.send([OutMessage("a dead letter")]) == []
    assert [m.body for m in dead.receive(wait_seconds=1)] == ["a dead letter"]


def test_everything_that_is_written_is_encrypted_as_asked(make_pipeline):
    # moto's: the LocalStack of `sluice run` has no KMS.
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        cloud = Cloud.make(f"http://{host}:{port}", visibility=VISIBILITY)
        _encrypted(make_pipeline(200, on=cloud, settings={"SLUICE_S3_SSE": "aws:kms"}))
    finally:
        server.stop()


def _encrypted(pipeline):
    pipeline.start()
    pipeline.drain()
    pipeline.stop()
    bucket, s3 = pipeline.cloud.bucket, pipeline.cloud.aws.s3
    asked = {
        stored.key: s3.head_object(Bucket=bucket.name, Key=stored.key)["ServerSideEncryption"]
        for stored in bucket.list()
    }
    assert any(key.startswith("_sluice/checkpoint/") for key in asked)
    assert set(asked.values()) == {"aws:kms"}


@pytest.mark.parametrize("attributes", [True, False], ids=["as AWS moves", "without attributes"])
def test_dead_letters_that_aws_moves_back_become_rows(localstack, tmp_path, attributes):
    cloud = Cloud.make(localstack.endpoint, visibility=VISIBILITY)
    whole = encode_pack([event("in-a-pack-1"), event("in-a-pack-2")], source="s", ids=["1", "2"])
    named = {name: str(value) for name, value in whole.attributes.items()}
    large = event("large", comment="x" * 1_200_000).decode()
    DeadLetters(cloud.dlq, cloud.bucket, stop=Stop()).send(
        [
            DeadLetter(event("small").decode(), reasons.BAD_EVENT, "", source="s"),
            DeadLetter(large, reasons.TOO_LARGE, "", source="s"),
            DeadLetter(whole.body, reasons.BOMB, "", source="s", original=named),
        ]
    )
    ids = ["in-a-pack-1", "in-a-pack-2", "large", "small"]
    if attributes:
        move_all(cloud)
    else:
        for message in cloud.dlq.receive(wait_seconds=1):
            assert cloud.queue.send([OutMessage(message.body)]) == []
            assert cloud.dlq.delete([message.receipt_handle]) == []
    pipeline = Pipeline(cloud, ScriptedSource([], ids), tmp_path)
    try:
        batcher = pipeline.start_batcher(SLUICE_MAX_EVENT_BYTES="4MB")
        until(
            lambda: cloud.queue.attributes().depth == 0 and not pipeline.account().lost,
            "all dead letters as rows",
            seen=lambda: (pipeline.state(), batcher.tail()),
        )
        assert sorted(row["event_id"] for row in pipeline.rows()) == ids
        assert cloud.dead_letters() == []
    finally:
        pipeline.close()


def move_all(cloud):
    """StartMessageMoveTask, and until it is done. Dead letters were sent, not moved, here: they need a destination."""
    sqs = cloud.aws.sqs
    arn = f"arn:aws:sqs:{CREDENTIALS['AWS_REGION']}:{ACCOUNT}:"
    dead = arn + cloud.dlq_name
    sqs.start_message_move_task(SourceArn=dead, DestinationArn=arn + cloud.name)
    until(
        lambda: sqs.list_message_move_tasks(SourceArn=dead)["Results"][0]["Status"] == "COMPLETED",
        "the move task's end",
        seen=lambda: sqs.list_message_move_tasks(SourceArn=dead)["Results"],
    )
