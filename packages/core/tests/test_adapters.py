"""The adapters' translation of SQS's and S3's answers, against botocore's own stubber."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.aws import clients, translated
from sluice_core.errors import (
    AccessDeniedError,
    MissingResourceError,
    NotFoundError,
    PermanentError,
    PreconditionError,
    TemporaryError,
)
from sluice_core.limits import SQS_BATCH_ENTRIES, SQS_MAX_BYTES
from sluice_core.s3 import Bucket
from sluice_core.settings import CommonSettings, load_settings
from sluice_core.sqs import OutMessage, Queue, chunked

URL = "http://127.0.0.1:1/000000000000/q"


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return clients(load_settings(CommonSettings, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", 400, MissingResourceError),
        ("QueueDoesNotExist", 400, MissingResourceError),
        ("NoSuchBucket", 404, MissingResourceError),
        ("InvalidClientTokenId", 403, AccessDeniedError),
        ("Whatever", 403, AccessDeniedError),
        ("PreconditionFailed", 412, PreconditionError),
        ("ConditionalRequestConflict", 409, PreconditionError),
        ("NoSuchKey", 404, NotFoundError),
        ("SlowDown", 503, TemporaryError),
        ("Unheard", 502, TemporaryError),
        ("ThrottlingException", 400, TemporaryError),
        ("InvalidParameterValue", 400, PermanentError),
    ],
)
def test_errors_are_translated(code, status, kind):
    error = ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Op"
    )
    with pytest.raises(kind) as caught, translated("do it"):
        raise error
    assert type(caught.value) is kind
    assert "do it" in str(caught.value)


def test_no_connection_is_temporary():
    with pytest.raises(TemporaryError), translated("do it"):
        raise EndpointConnectionError(endpoint_url="http://x")


def test_an_entry_that_the_reply_does_not_name_is_not_accepted(aws):
    with Stubber(aws.sqs) as stub:
        stub.add_response(
            "send_message_batch",
            {
                "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}],
                "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}],
            },
            {"QueueUrl": URL, "Entries": ANY},
        )
        refused = Queue(aws, URL).send([OutMessage("a"), OutMessage("b"), OutMessage("c")])
    assert [(r.index, r.code, r.permanent) for r in refused] == [
        (1, "InternalError", False),
        (2, "NotAnswered", False),
    ]


def test_a_failing_delete_reports_all_that_is_left(aws):
    with Stubber(aws.sqs) as stub:
        stub.add_response(
            "delete_message_batch",
            {
                "Successful": [],
                "Failed": [{"Id": "3", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}],
            },
            {"QueueUrl": URL, "Entries": ANY},
        )
        stub.add_client_error("delete_message_batch", "ServiceUnavailable", http_status_code=503)
        refused = Queue(aws, URL).delete([str(n) for n in range(25)])
    assert [r.index for r in refused] == [3, *range(10, 25)]
    assert refused[0].permanent
    assert not refused[1].permanent


def test_put_into_a_bucket_that_is_gone(aws):
    with Stubber(aws.s3) as stub:
        stub.add_client_error("put_object", "NoSuchBucket", http_status_code=404)
        with pytest.raises(MissingResourceError):
            Bucket(aws, "bucket").put("k", b"")


@given(st.lists(st.integers(1, SQS_MAX_BYTES), max_size=40))
def test_chunks_keep_order_and_limits(sizes):
    messages = [OutMessage("x" * size) for size in sizes]
    parts = list(chunked(messages))
    assert [m for part in parts for m in part] == messages
    for part in parts:
        assert 0 < len(part) <= SQS_BATCH_ENTRIES
        assert sum(m.size for m in part) <= SQS_MAX_BYTES


def test_size_counts_attributes_and_utf8():
    assert OutMessage("é", {"name": "väl", "n": 12}).size == 2 + (4 + 4 + 6) + (1 + 2 + 6)
