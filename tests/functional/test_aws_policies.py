"""docs/aws: every call that services and commands make is allowed by their policy, and no policy allows another."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness.cloud import Cloud
from harness.lakes import CloudLake
from harness.pipeline import VISIBILITY
from harness.proxy import FaultProxy
from harness.waiting import until
from sluice_cli.main import app
from sluice_core.aws.messages import OutMessage
from typer.testing import CliRunner

pytestmark = pytest.mark.functional

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "docs" / "aws"
ACTIONS = {
    "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "HeadObject": "s3:GetObject",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "PostObject": "s3:PutObject",  # a multipart upload's beginning and end
    "PostBucket": "s3:DeleteObject",  # of many at once
}
"""Operations whose permission has another name.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html (and list_amazons3.html)
"""
RARELY: dict[str, set[str]] = {
    "producer": {"s3:ListBucket"},  # asked of S3 with every key that is missing
    "batcher": {
        "s3:GetObject",
        "s3:ListBucket",
    },  # a lost reply's retry, a dead letter that came back
    "helm-test": set(),
    "compactor": {"s3:AbortMultipartUpload"},
    "toolbox": {"s3:DeleteObject"},  # of a redriven dead letter whose body is in the bucket
}


def allowed(name):
    """The actions that a role's policy, or a statement for it, allows."""
    policy = json.loads((POLICIES / f"{name}.json").read_text())
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def asked(pipeline, before):
    """The permissions that the requests since `before` need."""
    return needed(pipeline.proxy.requests, before)


def needed(now, before):
    """The same of requests as a proxy counts them."""
    return {
        ACTIONS.get(operation, f"{service}:{operation}")
        for (service, operation), count in now.items()
        if count > before.get((service, operation), 0)
    }


def test_no_policy_names_what_is_not_there():
    for path in POLICIES.glob("*-policy.json"):
        for statement in json.loads(path.read_text())["Statement"]:
            assert "*" not in statement["Action"], path
            assert "*" not in statement["Resource"], path


def test_each_asks_for_what_its_policy_allows_and_for_nothing_else(make_pipeline):
    pipeline = make_pipeline(events=3000, through_proxy=True)
    used = {}

    producer = pipeline.start_producer()
    until(lambda: pipeline.source.finished, "the source to be read", deadline=60)
    pipeline.stop()
    assert not producer.alive
    used["producer"] = asked(pipeline, {})

    before = dict(pipeline.proxy.requests)
    # No JSON: a dead letter. The batch is held over its messages' half-life: leases are extended.
    pipeline.cloud.queue.send([OutMessage("no json", {})])
    pipeline.start_batcher(SLUICE_BATCH_MAX_AGE="6s", SLUICE_BATCH_MAX_ROWS="100000")
    pipeline.written(at_least=2500)
    until(lambda: pipeline.cloud.dlq.attributes().visible == 1, "the dead letter", deadline=30)
    until(lambda: pipeline.cloud.queue.attributes().depth == 0, "an empty queue", deadline=30)
    used["batcher"] = asked(pipeline, before)

    before = dict(pipeline.proxy.requests)
    script = ROOT / "deploy/helm/sluice/files/helm_test.py"
    subprocess.run(
        [sys.executable, str(script)],
        env={**pipeline.environ(), "MARK_SENT": "true", "TIMEOUT_SECONDS": "30"},
        check=True,
        timeout=90,
    )
    pipeline.stop()
    used["helm-test"] = asked(pipeline, before) - used["batcher"] | (
        asked(pipeline, before)
        & {"s3:GetObject", "s3:ListBucket", "sqs:SendMessage", "sqs:GetQueueUrl"}
    )

    before = dict(pipeline.proxy.requests)
    for command in (
        ["dlq", "ls"],
        ["dlq", "redrive", "--yes"],
        ["read", f"s3://{pipeline.cloud.name}/events", "--limit", "1"],
    ):
        subprocess.run(
            [sys.executable, "-m", "sluice_cli.main", *command],
            env=pipeline.environ(),
            check=True,
            timeout=90,
            stdout=subprocess.DEVNULL,
        )
    used["toolbox"] = asked(pipeline, before)

    for role, found in used.items():
        assert found - allowed(f"{role}-policy") == set(), f"{role} asks for more than it may"
        assert allowed(f"{role}-policy") - found <= RARELY[role], (
            f"{role} may do what it never does"
        )


def a_life_of(lake):
    """A table that is made, grows, is rewritten, loses rows and old files."""
    for number in range(6):
        lake.put([f"{number}-{n}" for n in range(3)])
        assert not lake.compact().failures
    done = CliRunner().invoke(
        app,
        ["lake", "forget", "--where", "event_id = '1-1'", "--yes", "--purge"],
        env=lake.environ,
    )
    assert done.exit_code == 0, done.output
    assert len(lake.ids()) == 17


def test_the_compactor_too_and_it_keeps_to_its_places(cloud, tmp_path):
    with contextlib.closing(FaultProxy(cloud.endpoint)) as proxy:
        settings = {"SLUICE_LAKE_KEEP_SNAPSHOTS": "0"}
        a_life_of(CloudLake(cloud, tmp_path / "log", settings, endpoint=proxy.endpoint))
        used = needed(proxy.requests, {})
    policy = allowed("compactor-policy")
    assert used - policy == set(), "the compactor asks for more than it may"
    assert policy - used <= RARELY["compactor"], "it may do what it never does"
    places = {key.key.split("/")[0] for key in cloud.bucket.list()}
    assert places == {"lake", "_sluice"}
    internal = {key.key.split("/")[1] for key in cloud.bucket.list("_sluice/")}
    assert internal == {"lake"}


def test_glue_is_asked_for_what_its_statement_allows_and_for_nothing_else(
    moto, tmp_path, monkeypatch
):
    cloud = Cloud.make(moto, visibility=VISIBILITY)
    with contextlib.closing(FaultProxy(moto)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        settings = {
            "SLUICE_LAKE_CATALOG": "glue",
            "SLUICE_LAKE_TABLE": f"{cloud.name}.events",
            "SLUICE_LAKE_KEEP_SNAPSHOTS": "0",
        }
        a_life_of(CloudLake(cloud, tmp_path / "log", settings, endpoint=proxy.endpoint))
        used = {action for action in needed(proxy.requests, {}) if action.startswith("glue:")}
    assert used == allowed("glue-statement")
