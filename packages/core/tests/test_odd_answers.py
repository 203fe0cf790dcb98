"""What is not SQS's or S3's word decides nothing: every call × every odd answer is a temporary error.

The answers come out of a socket, and both clients read them.
"""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.provision import make_queues
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import NotFoundError, SluiceError, TemporaryError, UnexpectedAnswerError

URL = "http://127.0.0.1:1/000000000000/q"
HTML = b"<!doctype html><html><title>Sign in to the network</title></html>"
JSON = {"content-type": "application/x-amz-json-1.0"}


class Answers:
    """Clients whose every request is answered by `reply` (status, headers, body)."""

    def __init__(self, aws, loopback):
        self.aws = aws
        self.reply = (200, {}, b"")
        loopback.answer = lambda _: loopback.Answer(*self.reply)


@pytest.fixture(scope="module")
def answers(connected, either, loopback):
    return Answers(connected(either), loopback)


def queue(aws):
    return Queue(aws, URL)


def bucket(aws):
    return Bucket(aws, "bucket")


RAISE = {
    "receive": lambda aws: queue(aws).receive(wait_seconds=0),
    "attributes": lambda aws: queue(aws).attributes(),
    "resolve": lambda aws: Queue.resolve(aws, "q"),
    "make queue": lambda aws: make_queues(aws, "q", "d"),
    "put": lambda aws: bucket(aws).put("k", b"x", if_none_match=True),
    "get": lambda aws: bucket(aws).get("k"),
    "head": lambda aws: bucket(aws).head("k"),
    "list": lambda aws: list(bucket(aws).list("p")),
}
ENTRIES = {
    "send": lambda aws: queue(aws).send([OutMessage("a"), OutMessage("b")]),
    "delete": lambda aws: queue(aws).delete(["a", "b"]),
    "extend": lambda aws: queue(aws).extend(["a", "b"], 30),
}
ODD = {
    "a page": (200, {"content-type": "text/html"}, HTML),
    "nothing": (200, {}, b""),
    "a list": (200, JSON, b"[1]"),
    "a word": (200, JSON, b'"ok"'),
    "null": (200, JSON, b"null"),
    "half an object": (200, JSON, b'{"Messages": [{"MessageId": "m", "Bo'),
    "binary": (200, JSON, b"\x00\xff\xfe\x80"),
    "half a document": (200, {"content-type": "application/xml"}, b"<ListBucketResult><Conte"),
    "an error that says 200": (
        200,
        {"content-type": "application/xml"},
        b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>x</Message></Error>",
    ),
    "lists of nothing": (
        200,
        JSON,
        b'{"Messages":[{}],"Successful":[{}],"Failed":[{}],"Attributes":{},"QueueUrl":""}',
    ),
    "wrong kinds": (
        200,
        JSON,
        (
            b'{"Messages":[{"MessageId":1,"ReceiptHandle":{},"Body":[],"Attributes":{"SentTimestamp":"soon"}}],'
            b'"Successful":[{"Id":"zero"}],"Failed":7,"Attributes":{"VisibilityTimeout":"long"},"QueueUrl":5}'
        ),
    ),
    "a redirect": (302, {"location": "http://login.example/"}, HTML),
    "a proxy's 403": (403, {"content-type": "text/html"}, HTML),
    "a gateway's 404": (404, {"content-type": "text/html"}, HTML),
    "a bare 400": (400, {}, b""),
    "a teapot": (418, {}, b"I am"),
    "a gateway's 502": (502, {"content-type": "text/html"}, HTML),
    "a status of nobody": (599, {}, b""),
}
HEAD_SAYS_LITTLE = {"a proxy's 403", "a gateway's 404", "a bare 400", "a teapot", "a redirect"}
"""A HEAD's answer has no body: here a status is all that S3 itself would say."""


@pytest.mark.parametrize(
    ("call", "odd"),
    [(c, o) for c in RAISE for o in ODD if not (c == "head" and o in HEAD_SAYS_LITTLE)],
)
def test_an_odd_answer_is_temporary(answers, call, odd):
    answers.reply = ODD[odd]
    with pytest.raises(TemporaryError):
        RAISE[call](answers.aws)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("call", ENTRIES)
def test_an_odd_answer_to_a_batch_leaves_every_entry_undone(answers, call, odd):
    answers.reply = ODD[odd]
    try:
        refused = ENTRIES[call](answers.aws)
    except TemporaryError:
        return
    assert [(r.index, r.permanent) for r in refused] == [(0, False), (1, False)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("Messages", "MessageId", "ReceiptHandle", "Body", "Attributes", "Successful"),
                    *(
                        "MessageAttributes",
                        "StringValue",
                        "SentTimestamp",
                        "ApproximateReceiveCount",
                    ),
                    *("Failed", "Id", "Code", "SenderFault", "QueueUrl", "RedrivePolicy", "__type"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([200, 400, 403, 404, 500]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("call", ["receive", "attributes", "resolve", *ENTRIES])
def test_no_answer_of_sqs_is_a_bug_of_ours(answers, call, document, status):
    answers.reply = (status, JSON, json.dumps(document).encode())
    try:
        result = {**RAISE, **ENTRIES}[call](answers.aws)
    except SluiceError:
        return
    if call in ENTRIES:
        named = document.get("Successful") if isinstance(document, dict) else None
        entries = named if isinstance(named, list) else []
        done = {str(entry.get("Id")) for entry in entries if isinstance(entry, dict)}
        assert {str(r.index) for r in result} >= {"0", "1"} - done


def test_an_object_that_is_not_there_is_still_told_from_a_gateway(answers):
    answers.reply = (404, {}, b"<Error><Code>NoSuchKey</Code><Message>no</Message></Error>")
    with pytest.raises(NotFoundError):
        bucket(answers.aws).get("k")
    answers.reply = (404, {}, HTML)
    with pytest.raises(UnexpectedAnswerError, match="AWS_ENDPOINT_URL"):
        bucket(answers.aws).get("k")


def test_an_empty_queue_is_none(answers):
    answers.reply = (200, JSON, b"{}")
    assert queue(answers.aws).receive(wait_seconds=0) == []


def test_what_a_put_lacks_is_named(answers):
    answers.reply = (200, {}, b"")
    with pytest.raises(UnexpectedAnswerError, match="it has no ETag"):
        bucket(answers.aws).put("k", b"x")
