"""A reply that never comes: the other side did it all, and nobody here knows."""

import pytest
from harness.proxy import Fault

pytestmark = pytest.mark.functional


@pytest.mark.parametrize(
    ("service", "operation", "path", "duplicates"),
    [
        ("sqs", "SendMessageBatch", "", True),
        ("sqs", "ReceiveMessage", "", False),
        ("sqs", "DeleteMessageBatch", "", False),
        ("s3", "PutObject", "/events/", False),
        ("s3", "PutObject", "/_sluice/checkpoint/", False),
    ],
    ids=["send", "receive", "delete", "put-object", "put-checkpoint"],
)
def test_a_lost_reply(make_pipeline, service, operation, path, duplicates):
    pipeline = make_pipeline(1500, rate=1000, through_proxy=True)
    lost = pipeline.proxy.inject(
        Fault.LOSE_REPLY, service=service, operation=operation, path=path, times=3
    )
    producer, batcher = pipeline.start()

    found = pipeline.lossless(duplicates=duplicates)

    assert lost.hits == 3
    # Only a send that SQS accepted without our knowing is sent twice, and seen as such.
    assert bool(found.duplicates) is duplicates
    assert producer.alive
    assert batcher.alive
