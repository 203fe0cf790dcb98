"""The adapters' translation of SQS's and S3's answers, out of a socket for both clients."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.aws import translated
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue, chunked
from sluice_core.errors import (
    AccessDeniedError,
    ClockSkewError,
    MissingResourceError,
    NotFoundError,
    PermanentError,
    PreconditionError,
    SluiceError,
    TemporaryError,
    UnexpectedAnswerError,
    UnsupportedError,
)
from sluice_core.limits import SQS_BATCH_ENTRIES, SQS_MAX_BYTES

URL = "http://127.0.0.1:1/000000000000/q"


JSON = {"content-type": "application/x-amz-json-1.0"}


@pytest.fixture(scope="module")
def aws(connected, either):
    return connected(either)


@pytest.fixture
def said(loopback):
    """Takes what the server says from now on: documents of SQS in turn, or (status, body) of a refusal."""

    def say(*answers):
        left = list(answers)

        def answer(_):
            reply = left.pop(0)
            if isinstance(reply, dict):
                return loopback.Answer(200, JSON, json.dumps(reply).encode())
            return loopback.Answer(reply[0], {}, reply[1])

        loopback.answer = answer

    return say


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("RequestTimeTooSkewed", 403, ClockSkewError),
        ("RequestExpired", 400, ClockSkewError),
        ("SignatureDoesNotMatch", 403, AccessDeniedError),
        ("InvalidSignatureException", 403, AccessDeniedError),
        ("NotImplemented", 501, UnsupportedError),
        ("403", 403, UnexpectedAnswerError),
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


def refusal(code, message, status=403, operation="PutObject", **headers):
    meta = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}, operation
    )


@pytest.mark.parametrize(
    "error",
    [
        refusal("RequestTimeTooSkewed", "too large", date="Wed, 01 Jan 2020 00:00:00 GMT"),
        refusal(
            "SignatureDoesNotMatch",
            "Signature expired: 20200101T000000Z is now earlier than 20200101T001500Z",
            date="Wed, 01 Jan 2020 00:00:00 GMT",
        ),
        refusal(
            "InvalidSignatureException",
            "Signature not yet current: 20200101T003000Z is still later than 20200101T000500Z",
            date="Wed, 01 Jan 2020 00:00:00 GMT",
        ),
        # A HEAD's refusal has no code: the clocks tell.
        refusal("403", "Forbidden", operation="HeadBucket", date="Wed, 01 Jan 2020 00:00:00 GMT"),
    ],
)
def test_a_wrong_clock_is_temporary_and_said(error):
    said = r"clock .* by [\d,]+ s \(ahead\): set it right"
    with pytest.raises(ClockSkewError, match=said), translated("do it"):
        raise error


def test_a_closed_bucket_is_no_matter_of_clocks():
    with pytest.raises(AccessDeniedError), translated("look at bucket"):
        raise refusal("403", "Forbidden", operation="HeadBucket")


SECRETS = [
    "IQoJb3JpZ2luX2VjEJ",
    "AKIAIOSFODNN7EXAMPLE",
    "hunter2",
    "fe5f80f77d5fa3beca038a248ff027d0",
]


@pytest.mark.parametrize(
    "error",
    [
        refusal(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.\n\n"
            "The Canonical String for this request should have been\n'POST\n/\n\nhost:sqs\n"
            f"x-amz-security-token:{SECRETS[0]}\n'",
        ),
        refusal(
            "IncompleteSignature",
            f"in Authorization: AWS4-HMAC-SHA256 Credential={SECRETS[1]}/20260101/us-east-1, Signature={SECRETS[3]}",
        ),
        refusal("AuthFailure", f"header X-Amz-Security-Token: {SECRETS[0]} is bad"),
        EndpointConnectionError(endpoint_url=f"http://me:{SECRETS[2]}@host:4566/"),
        ParamValidationError(report=f"http://me:{SECRETS[2]}@host"),
        ValueError(f"http://me:{SECRETS[2]}@host"),
    ],
)
def test_no_error_holds_a_credential(error):
    with pytest.raises(SluiceError) as caught, translated("do it"):
        raise error
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize(
    ("condition", "told"), [({"if_none_match": True}, True), ({"if_match": "x"}, True), ({}, False)]
)
def test_a_store_without_conditional_writes_is_told_so(aws, said, condition, told):
    said((501, b"<Error><Code>NotImplemented</Code><Message>A header</Message></Error>"))
    with pytest.raises(UnsupportedError) as caught:
        Bucket(aws, "bucket").put("k", b"", **condition)
    assert ("knows no conditional writes" in str(caught.value)) is told


def test_no_connection_is_temporary():
    with pytest.raises(TemporaryError), translated("do it"):
        raise EndpointConnectionError(endpoint_url="http://x")


def test_an_entry_that_the_reply_does_not_name_is_not_accepted(aws, said):
    said(
        {
            "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}],
            "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}],
        }
    )
    refused = Queue(aws, URL).send([OutMessage("a"), OutMessage("b"), OutMessage("c")])
    assert [(r.index, r.code, r.permanent) for r in refused] == [
        (1, "InternalError", False),
        (2, "NotAnswered", False),
    ]


@pytest.mark.parametrize(
    ("code", "permanent"),
    [("KmsThrottled", False), ("RequestThrottled", False), ("InvalidMessageContents", True)],
)
def test_what_sqs_has_no_time_for_is_tried_again_even_where_it_blames_the_sender(
    aws, said, code, permanent
):
    said({"Successful": [], "Failed": [{"Id": "0", "Code": code, "SenderFault": True}]})
    (refused,) = Queue(aws, URL).send([OutMessage("a")])
    assert (refused.code, refused.permanent) == (code, permanent)


def test_a_failing_delete_reports_all_that_is_left(aws, said):
    said(
        {
            "Successful": [{"Id": str(n)} for n in range(10) if n not in (3, 7)],
            "Failed": [{"Id": "3", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}],
        },
        (503, b""),
    )
    refused = Queue(aws, URL).delete([str(n) for n in range(25)])
    # 7 is not named: nobody said that it was deleted.
    assert [r.index for r in refused] == [3, 7, *range(10, 25)]
    assert [r.permanent for r in refused] == [True, *[False] * 16]


def test_an_extension_that_the_reply_does_not_name_did_not_happen(aws, said):
    said({"Successful": [{"Id": "1"}, {"Id": "9"}], "Failed": []})
    refused = Queue(aws, URL).extend(["a", "b"], 30)
    assert [(r.index, r.code, r.permanent) for r in refused] == [(0, "NotAnswered", False)]


def test_put_into_a_bucket_that_is_gone(aws, said):
    said((404, b"<Error><Code>NoSuchBucket</Code></Error>"))
    with pytest.raises(MissingResourceError):
        Bucket(aws, "bucket").put("k", b"")


def page(keys, *, truncated=False, token=None):
    written = datetime(2026, 11, 23, tzinfo=UTC)
    found = [{"Key": key, "Size": 1, "ETag": '"e"', "LastModified": written} for key in keys]
    more = {} if token is None else {"NextContinuationToken": token}
    return {"Contents": found, "IsTruncated": truncated, **more}


def listed(aws, *pages):
    """What a listing gives that has these pages; the stub refuses other parameters than they ask for."""
    with Stubber(aws.s3) as stub:
        token = {}
        for reply in pages:
            stub.add_response(
                "list_objects_v2", reply, {"Bucket": "bucket", "Prefix": "events/", **token}
            )
            token = {"ContinuationToken": reply.get("NextContinuationToken")}
        return [stored.key for stored in Bucket(aws, "bucket").list("events/")]


def test_a_listing_asks_for_no_encoding(aws, loopback, said):
    """LocalStack's second page of an encoded listing is empty: see `plain_listings`."""
    said((200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"))
    assert list(Bucket(aws, "bucket").list("events/")) == []
    assert loopback.requests[-1].path == "/bucket?list-type=2&prefix=events%2F"


def test_a_listing_goes_over_all_pages(aws):
    first = page(["events/dt=1/a"], truncated=True, token="t1")
    second = page(["events/dt=1/b"], truncated=True, token="t2")
    assert listed(aws, first, second, page(["events/dt=2/%3D"])) == [
        "events/dt=1/a",
        "events/dt=1/b",
        "events/dt=2/%3D",
    ]
    assert listed(aws, page([])) == []


@pytest.mark.parametrize(
    "pages",
    [
        [page(["a"], truncated=True, token="t"), page([])],
        [page([], truncated=True, token="t")],
        [page(["a"], truncated=True)],
        [page(["a"], truncated=True, token="t"), page(["b"], truncated=True, token="t")],
    ],
    ids=["empty second page", "truncated and empty", "no token", "the same token again"],
)
def test_a_listing_that_ends_early_is_an_error(aws, pages):
    with pytest.raises(TemporaryError, match=r"s3://bucket/events/.*ends early"):
        listed(aws, *pages)


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
