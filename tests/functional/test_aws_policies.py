"""docs/aws: every call that services and commands make is allowed by their policy, and no policy allows another."""

import contextlib
import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from harness.cloud import Cloud
from harness.lakes import CloudLake
from harness.pipeline import VISIBILITY
from harness.proxy import FaultProxy
from harness.waiting import until
from sluice_cli.main import app
from sluice_core.aws.messages import OutMessage
from sluice_core.limits import SQS_MAX_BYTES
from sluice_core.wire import encode_heartbeat
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
RARELY = {
    # Asked of S3 with every key that is missing.
    ("producer", "s3:ListBucket", "BUCKET"),
    ("batcher", "s3:ListBucket", "BUCKET"),
    # A lost reply's retry asks whether the object is there.
    ("batcher", "s3:GetObject", "BUCKET/PREFIX/*"),
    ("batcher", "s3:GetObject", "BUCKET/_sluice/dropped/*"),
    # Events too large for a message.
    ("producer", "sqs:SendMessage", "DEAD_LETTER_QUEUE"),
    ("producer", "s3:PutObject", "BUCKET/_sluice/dead/*"),
    ("compactor", "s3:AbortMultipartUpload", "BUCKET/lake/*"),
}
"""What a role may do, and does in no test here."""

Asked = set[tuple[str, str]]
"""Actions and their resources: a queue's name, `bucket` or `bucket/key`."""


def policy(name, names=None):
    """(action, resource) of a policy or a statement; with `names` in the place of the words in capitals."""
    text = (POLICIES / f"{name}.json").read_text()
    for word in sorted(names or (), key=len, reverse=True):
        text = text.replace(word, names[word])
    return {
        (action, re.sub(r"^arn:aws:(s3:::|sqs:REGION:ACCOUNT:)", "", resource))
        for statement in json.loads(text)["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def names(cloud):
    """A test's own for the words in capitals."""
    return {
        "DEAD_LETTER_QUEUE": cloud.dlq_name,
        "QUEUE": cloud.name,
        "BUCKET": cloud.name,
        "PREFIX": "events",
    }


def needed(asked) -> Asked:
    """The permissions that the requests of a proxy's `asked` need."""
    return {
        (ACTIONS.get(operation, f"{service}:{operation}"), resource)
        for service, operation, resource in asked
    }


def within(asked: Asked, *policies) -> Asked:
    """What of `asked` no policy allows."""
    return {
        (action, resource)
        for action, resource in asked
        if not any(
            action == may and fnmatchcase(resource, place)
            for allowed in policies
            for may, place in allowed
        )
    }


def idle(role, asked: Asked, cloud):
    """What the role's policy allows and nobody has asked for, besides what is rare."""
    return {
        (action, place)
        for action, place in policy(f"{role}-policy")
        if (role, action, place) not in RARELY
        and not any(
            action == done and fnmatchcase(resource, filled)
            for filled in [filled_in(place, cloud)]
            for done, resource in asked
        )
    }


def filled_in(place, cloud):
    """A resource of a policy with a test's own names."""
    for word, name in names(cloud).items():
        place = place.replace(word, name)
    return place


def test_no_policy_names_what_is_not_there():
    for path in POLICIES.glob("*-policy.json"):
        for statement in json.loads(path.read_text())["Statement"]:
            assert "*" not in statement["Action"], path
            assert not {"*", "arn:aws:s3:::BUCKET/*"} & set(statement["Resource"]), path


@pytest.mark.parametrize(
    ("key", "writers", "deleters"),
    [
        ("events/dt=2026-11-23/x.csv", {"batcher"}, {"compactor"}),
        ("lake/sluice/events/metadata/version-hint.text", {"compactor"}, {"compactor"}),
        ("_sluice/lake/sluice.events/status.json", {"compactor"}, set()),
        ("_sluice/checkpoint/wikimedia.json", {"producer"}, set()),
        ("_sluice/dead/x", {"producer", "batcher"}, {"toolbox"}),
        ("_sluice/dropped/events/x", {"batcher"}, set()),
        ("_sluice/heartbeat", {"batcher"}, set()),
        ("_sluice/check/x", {"toolbox"}, {"toolbox"}),
        ("somebody/elses.txt", set(), set()),
    ],
)
def test_nobody_writes_or_deletes_in_anothers_place(key, writers, deleters):
    words = {"DEAD_LETTER_QUEUE": "d", "QUEUE": "q", "BUCKET": "b", "PREFIX": "events"}
    may = {
        path.stem.removesuffix("-policy"): policy(path.stem, words)
        for path in POLICIES.glob("*-policy.json")
    }
    for action, roles in (("s3:PutObject", writers), ("s3:DeleteObject", deleters)):
        able = {role for role in may if not within({(action, f"b/{key}")}, may[role])}
        assert able == roles, action


class Recorded:
    """What a pipeline has asked for since this was made."""

    def __init__(self, pipeline):
        self._proxy = pipeline.proxy
        self._proxy.asked.clear()

    def needs(self) -> Asked:
        return needed(self._proxy.asked)


def sluice(pipeline, *command, **environ):
    """The command line with the services' environment."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice_cli.main", *command],
        env=pipeline.environ(**environ),
        check=False,
        timeout=90,
        capture_output=True,
        text=True,
    )
    # Nobody has the ids of the dead letters and of the marked event: `verify` sees them, and certifies nothing.
    assert done.returncode == 0 or command[0] == "verify", done.stdout + done.stderr


DROPS = "def all_of_it(frame):\n    return frame.iloc[:0]\n"


def a_batchers_life(pipeline):
    """Rows; letters that are no JSON, one of them too large for SQS; one sent again; heartbeats; nothing left by a hook."""
    cloud = pipeline.cloud
    for body in ("no json", "no json " + "x" * (SQS_MAX_BYTES - 20)):
        cloud.queue.send([OutMessage(body, {})])
    # The batch is held over its messages' half-life: leases are extended.
    pipeline.start_batcher(SLUICE_BATCH_MAX_AGE="6s", SLUICE_BATCH_MAX_ROWS="100000")
    pipeline.written(at_least=2500)
    until(lambda: cloud.dlq.attributes().visible == 2, "the dead letters", deadline=30)
    until(lambda: cloud.queue.attributes().depth == 0, "an empty queue", deadline=30)
    # As AWS's own redrive does it: the batcher reads the body in the bucket.
    for letter in cloud.dlq.receive(max_messages=10, wait_seconds=1):
        cloud.queue.send([OutMessage(letter.body, letter.attributes)])
        cloud.dlq.delete([letter.receipt_handle])
    cloud.queue.send([encode_heartbeat("test", 1.0)])
    until(lambda: cloud.dlq.attributes().visible == 2, "the dead letters again", deadline=30)
    until(lambda: any(cloud.bucket.list("_sluice/heartbeat")), "the heartbeat", deadline=30)
    pipeline.stop()
    (pipeline.directory / "drops.py").write_text(DROPS)
    cloud.queue.send([OutMessage('{"meta": {"id": "x"}}', {})])
    pipeline.start_batcher(SLUICE_TRANSFORM="drops:all_of_it", PYTHONPATH=str(pipeline.directory))
    until(lambda: any(cloud.bucket.list("_sluice/dropped/")), "the note", deadline=30)
    pipeline.stop()


@pytest.mark.timeout(300)
def test_each_asks_for_what_its_policy_allows_and_for_nothing_else(make_pipeline):
    pipeline = make_pipeline(events=3000, through_proxy=True)
    cloud = pipeline.cloud
    may = {
        role: policy(f"{role}-policy", names(cloud))
        for role in ("producer", "batcher", "helm-test", "toolbox")
    }

    seen = Recorded(pipeline)
    producer = pipeline.start_producer()
    until(lambda: pipeline.source.finished, "the source to be read", deadline=60)
    pipeline.stop()
    assert not producer.alive
    assert within(seen.needs(), may["producer"]) == set()
    assert idle("producer", seen.needs(), cloud) == set()

    seen = Recorded(pipeline)
    a_batchers_life(pipeline)
    assert within(seen.needs(), may["batcher"]) == set()
    assert idle("batcher", seen.needs(), cloud) == set()

    seen = Recorded(pipeline)
    pipeline.start_batcher()
    subprocess.run(
        [sys.executable, str(ROOT / "deploy/helm/sluice/files/helm_test.py")],
        env={**pipeline.environ(), "MARK_SENT": "true", "TIMEOUT_SECONDS": "30"},
        check=True,
        timeout=90,
    )
    pipeline.stop()
    assert within(seen.needs(), may["batcher"], may["helm-test"]) == set()
    assert idle("helm-test", seen.needs(), cloud) == set()

    sluice(pipeline, "compact", SLUICE_LAKE_SETTLE="0", SLUICE_LAKE_KEEP_RAW="true")
    seen = Recorded(pipeline)
    for command in (
        ["check", "--no-source"],
        ["dlq", "ls"],
        ["dlq", "redrive", "--yes"],
        ["read", f"s3://{cloud.name}/events", "--limit", "1"],
        ["compact", "--status"],
        ["verify", "--source-ids", str(pipeline.source.ledger), "--wait", "0"],
    ):
        sluice(pipeline, *command)
    # `check` tries what the services do with the queue, the producer's sending among it.
    assert within(seen.needs(), may["batcher"], may["toolbox"]) == set()
    assert idle("toolbox", seen.needs(), cloud) == set()


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
    lake.put(["1-1", "again"])
    assert not lake.compact().failures
    assert len(lake.ids()) == 18


def test_the_compactor_too_and_it_keeps_to_its_places(cloud, tmp_path):
    with contextlib.closing(FaultProxy(cloud.endpoint)) as proxy:
        settings = {"SLUICE_LAKE_KEEP_SNAPSHOTS": "0"}
        a_life_of(CloudLake(cloud, tmp_path / "log", settings, endpoint=proxy.endpoint))
        used = needed(proxy.asked)
    assert within(used, policy("compactor-policy", names(cloud))) == set()
    assert idle("compactor", used, cloud) == set()
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
        used = {action for action, _ in needed(proxy.asked) if action.startswith("glue:")}
    assert used == {action for action, _ in policy("glue-statement")}
