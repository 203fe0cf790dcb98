"""Settings that cannot work: the service says which, why, and what to do about it."""

import pytest
from harness.cloud import CREDENTIALS, Cloud
from harness.pipeline import VISIBILITY
from harness.proxy import Fault
from harness.waiting import until

pytestmark = pytest.mark.functional

COLUMNS = """\
columns:
  - {name: id, path: id, type: integer}
  - {name: when, path: meta.dt, type: timestamp}
  - {name: size, path: length.new, type: enormous}
"""


def test_settings_that_contradict_each_other_refuse_to_start(make_pipeline):
    pipeline = make_pipeline(10)
    producer = pipeline.start_producer(SLUICE_PACK_MAX_UNPACKED_BYTES="1000")
    batcher = pipeline.start_batcher(SLUICE_SHUTDOWN_GRACE="2s")
    shapeless = pipeline.start_batcher(SLUICE_BATCH_MAX_AGE="soon")
    for child, variable, value in (
        (producer, "SLUICE_PACK_MAX_UNPACKED_BYTES", "1000"),
        (batcher, "SLUICE_SHUTDOWN_GRACE", "2"),
        (shapeless, "SLUICE_BATCH_MAX_AGE", "soon"),
    ):
        assert child.wait() == 2
        (line,) = child.output().splitlines()
        assert variable in line
        assert value in line


def test_a_visibility_timeout_too_short_for_leases_refuses_to_start(localstack, make_pipeline):
    pipeline = make_pipeline(10, on=Cloud.make(localstack.endpoint, visibility=1))
    batcher = pipeline.start_batcher()
    assert batcher.wait() == 2
    assert "visibility timeout of 1 s" in batcher.output()


def test_a_column_file_with_an_error_names_file_line_and_rule(make_pipeline, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(COLUMNS)
    batcher = make_pipeline(10).start_batcher(SLUICE_COLUMNS=str(file))
    assert batcher.wait() == 2
    (line,) = batcher.output().splitlines()
    assert f"{file}:4: " in line or f"{file}:2: " in line, line
    assert "is not one of" in line


def test_without_credentials(make_pipeline):
    none = dict.fromkeys(CREDENTIALS, "") | {"AWS_EC2_METADATA_DISABLED": "true"}
    pipeline = make_pipeline(10)
    for child in (pipeline.start_producer(**none), pipeline.start_batcher(**none)):
        assert child.wait() == 2
        assert "AWS_ACCESS_KEY_ID" in child.output()


@pytest.mark.parametrize("service", ["sqs", "s3"])
def test_credentials_that_aws_does_not_know(make_pipeline, service):
    pipeline = make_pipeline(10, through_proxy=True)
    pipeline.proxy.inject(Fault.DENY, service=service)
    producer, batcher = pipeline.start()
    assert producer.wait() == 1
    assert "check the credentials" in producer.output()
    if service == "sqs":
        assert batcher.wait() == 1
    # A role may be allowed to write objects and not to look at the bucket: that is no reason to leave.
    until(lambda: "check the credentials" in batcher.output(), "a word", seen=batcher.tail)


def test_queues_and_bucket_that_are_not_there_yet(localstack, make_pipeline):
    cloud = Cloud.at(localstack.endpoint, visibility=VISIBILITY)
    pipeline = make_pipeline(1000, on=cloud)
    producer, batcher = pipeline.start()
    for child in (producer, batcher):
        until(lambda c=child: cloud.name in c.output(), "the queue's name", seen=child.tail)
        status, why = child.get("/readyz")
        assert status == 503
        assert cloud.name in why
        assert child.get("/healthz")[0] == 200
    cloud.create()

    pipeline.lossless()
    assert producer.alive
    assert batcher.alive
