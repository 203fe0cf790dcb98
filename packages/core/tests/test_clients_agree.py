"""Every frequent call × everything that may come back, through libcurl and through boto3: one outcome, one request.

boto3 is the oracle: what it makes of an answer is what services have been built on.
"""

import json

import pytest
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import SluiceError

OFFERED = "IQoJb3JpZ2luX2VjEJ//token=="
SECRETS = ("AKIATEST00000000", "a/secret+key/0000", OFFERED)
MESSAGE = {
    "MessageId": "m",
    "ReceiptHandle": "r",
    "Body": "naïve \u2028 \x7f \U0001f600",
    "Attributes": {"SentTimestamp": "1700000000123", "ApproximateReceiveCount": "3"},
    "MessageAttributes": {
        "sluice-count": {"DataType": "Number", "StringValue": "7"},
        "other": {"DataType": "Binary", "BinaryValue": "eA=="},
    },
}
BOTH = {"Successful": [{"Id": "0"}, {"Id": "1"}], "Messages": [MESSAGE, MESSAGE]}
PART = {
    "Successful": [{"Id": "1"}],
    "Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False, "Message": "later"}],
}
FINAL = {
    "Successful": [],
    "Failed": [{"Id": n, "Code": "InvalidMessageContents", "SenderFault": True} for n in "01"],
}

CALLS = {
    "send": lambda q, b: q.send([OutMessage("ä", {"n": 1, "s": "x"}), OutMessage("b")]),
    "receive": lambda q, b: q.receive(wait_seconds=0, visibility=30),
    "delete": lambda q, b: q.delete(["r1", "r2"]),
    "extend": lambda q, b: q.extend(["r1", "r2"], 30),
    "put": lambda q, b: b.put("dt=2026/k", b"x", metadata={"rows": "1"}, if_none_match=True),
}


def json_error(code, status, message="no", **headers):
    document = {"__type": f"com.amazon.coral.service#{code}", "message": message}
    return {"status": status, "headers": headers, "body": json.dumps(document).encode()}


def xml_error(code, status, message="no", extra="", **headers):
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{extra}</Error>"
    return {"status": status, "headers": headers, "body": body.encode()}


def said(document, **headers):
    return {"headers": headers, "body": json.dumps(document).encode()}


OLD = {"date": "Wed, 01 Jan 2020 00:00:00 GMT"}
GONE = {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}
ANSWERS = {
    "all": said(BOTH, ETag='"e"'),
    "some": said(PART, ETag='"e"'),
    "none, for good": said(FINAL, ETag='"e"'),
    "nulls": said({"Successful": None, "Failed": None, "Messages": None}, ETag='"e"'),
    "an empty object": said({}),
    "nothing": {},
    "a page": {"headers": {"content-type": "text/html"}, "body": b"<html>hello</html>"},
    "half a document": {"body": b'{"Messages": [{"MessageId": "m", "Bo'},
    "a lone surrogate": {"body": rb'{"Messages": [{"MessageId": "m", "Body": "\ud800"}]}'},
    "an error under 200": xml_error("InternalError", 200),
    "slow down under 200": xml_error("SlowDown", 200),
    "cut off": dict(**said(BOTH), missing=5),
    "no reply": {"reset": True},
    "500": {"status": 500},
    "502": {
        "status": 502,
        "headers": {"content-type": "text/html"},
        "body": b"<html>bad gateway</html>",
    },
    "503 with a delay": {"status": 503, "headers": {"retry-after": "7"}},
    "504": {"status": 504, "body": b"upstream"},
    "407": {"status": 407, "body": b"<html>proxy</html>"},
    "429": {"status": 429, "headers": {"retry-after": "3"}},
    "412 bare": {"status": 412},
    "409 bare": {"status": 409},
    "403 bare": {"status": 403},
    "404 bare": {"status": 404},
    "a sign-in": {
        "status": 302,
        "headers": {"location": "http://login.example/"},
        "body": b"<html>",
    },
    "broken XML": {"status": 400, "body": b"<Error><Code>Acc"},
    "broken JSON": {"status": 400, "body": b'{"__type": "x'},
    "XML of another kind": {"status": 400, "body": b"<other/>"},
    "entities": {
        "status": 400,
        "body": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><Error><Code>&b;</Code></Error>',
    },
    "queue gone": json_error("QueueDoesNotExist", 400, **GONE),
    "not ours to use": json_error("AccessDeniedException", 403),
    "unknown key": json_error("InvalidClientTokenId", 403),
    "expired": json_error("ExpiredTokenException", 403, "The token is expired: " + OFFERED),
    "a quoting refusal": json_error(
        "InvalidSignatureException",
        403,
        "The Canonical String for this request should have been\n'x-amz-security-token:" + OFFERED,
    ),
    "the clock": json_error("InvalidSignatureException", 403, "Signature expired: 2026", **OLD),
    "throttled": json_error("ThrottlingException", 400),
    "throttled as a query": json_error(
        "RequestThrottled", 403, **{"x-amzn-query-error": "RequestThrottled;Sender"}
    ),
    "over the limit": json_error("OverLimit", 403, **{"x-amzn-query-error": "OverLimit;Sender"}),
    "invalid": json_error("InvalidParameterValue", 400),
    "unknown operation": json_error("UnknownOperationException", 404),
    "S3 denied": xml_error("AccessDenied", 403),
    "S3 unknown key": xml_error(
        "InvalidAccessKeyId", 403, extra="<AWSAccessKeyId>AKIATEST00000000</AWSAccessKeyId>"
    ),
    "S3 expired": xml_error("ExpiredToken", 400, extra=f"<Token-0>{OFFERED}</Token-0>"),
    "S3 the clock": xml_error("RequestTimeTooSkewed", 403, **OLD),
    "S3 signature": xml_error("SignatureDoesNotMatch", 403),
    "S3 slow down": xml_error("SlowDown", 503, **{"retry-after": "2"}),
    "S3 timeout": xml_error("RequestTimeout", 400),
    "S3 condition": xml_error("PreconditionFailed", 412),
    "S3 under way": xml_error("ConditionalRequestConflict", 409),
    "S3 no bucket": xml_error("NoSuchBucket", 404),
    "S3 no key": xml_error("NoSuchKey", 404),
    "S3 no conditions": xml_error("NotImplemented", 501, extra="<Header>If-None-Match</Header>"),
    "S3 invalid": xml_error("InvalidRequest", 400),
    "S3 checksum": xml_error("BadDigest", 400),
}


def outcome(aws, url, call):
    """What a caller learns: the value, or the error's class, delay and text."""
    queue, bucket = Queue(aws, f"{url}/000000000000/q"), Bucket(aws, "bucket")
    try:
        result = CALLS[call](queue, bucket)
    except SluiceError as error:
        return type(error), getattr(error, "delay", None), str(error)
    return type(result), None, repr(result)


def hidden(text):
    for secret in SECRETS:
        text = text.replace(secret, "********")
    return text


@pytest.fixture(scope="module")
def pair(connected):
    return connected("libcurl"), connected("boto3")


def accepted(result):
    kind, _, told = result
    return kind is str or (kind is list and told == "[]")


LENIENT = {"nothing", "a page", "half a document", "an error under 200", "slow down under 200"}
"""botocore takes what is no JSON for an empty answer to a batch; libcurl's side says what is odd. Both ask again."""


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("call", CALLS)
def test_one_answer_has_one_outcome(pair, loopback, call, answer):
    reply = ANSWERS[answer]
    loopback.answer = loopback.Answer(**reply)
    told = []
    for aws in pair:
        before = len(loopback.requests)
        told.append(outcome(aws, loopback.url, call))
        if answer != "a sign-in":  # S3's boto3 client looks for the bucket's region there
            assert len(loopback.requests) == before + 1
    ours, theirs = told
    assert not [secret for secret in SECRETS if secret in ours[2]]
    theirs = (*theirs[:2], hidden(theirs[2]))
    if (answer in LENIENT and call in ("send", "delete", "extend")) or reply.get("missing"):
        assert not accepted(ours)
        assert not accepted(theirs)
    elif reply.get("reset"):  # each names what it felt of the connection
        assert (ours[:2], accepted(ours)) == (theirs[:2], accepted(theirs))
    elif "the answer is not what the API promises" in ours[2]:
        assert ours[:2] == theirs[:2]
    else:
        assert ours == theirs


OWN = {
    *("authorization", "x-amz-date", "connection", "accept", "expect", "accept-encoding"),
    *("content-length", "amz-sdk-invocation-id", "amz-sdk-request", "x-amz-content-sha256"),
}
"""What differs from one request to the next, or is the client's own affair."""


@pytest.mark.parametrize("call", CALLS)
def test_both_send_the_same(pair, loopback, call):
    loopback.answer = loopback.Answer(**ANSWERS["nothing"])
    sent = []
    for aws in pair:
        outcome(aws, loopback.url, call)
        seen = loopback.requests[-1]
        told = {name: value for name, value in seen.headers.items() if name not in OWN}
        told["user-agent"] = told["user-agent"].split(" ")[0]
        body = seen.body if call == "put" else json.loads(seen.body)
        sent.append((seen.method, seen.path, told, body))
    assert sent[0] == sent[1]
