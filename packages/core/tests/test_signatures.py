"""What libcurl signs is what botocore's signer makes of the very request that came."""

import base64
import hashlib
import json
import zlib

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError as BotoNoCredentialsError
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.aws.curl import Http, Request
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import NoCredentialsError, PermanentError

KEYS = Credentials("AKIATEST00000000", "a/secret+key/0000", "IQoJb3JpZ2luX2VjEJ//token==")
HASH = "x-amz-content-sha256"


def signature(seen, url, keys=KEYS):
    """The signature that `seen` bears, and the one that botocore computes of it."""
    told = dict(
        part.strip().split("=", 1)
        for part in seen.headers["authorization"].removeprefix("AWS4-HMAC-SHA256").split(",")
    )
    access, _, region, service, _ = told["Credential"].split("/")
    assert access == keys.access_key
    signed = {name: seen.headers[name] for name in told["SignedHeaders"].split(";")}
    assert {"host", "x-amz-date", HASH} <= signed.keys()
    request = AWSRequest(seen.method, url + seen.path, signed, seen.body)
    request.context["timestamp"] = seen.headers["x-amz-date"]
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return told["Signature"], signer.signature(text, request), signed


@pytest.fixture(scope="module")
def aws(connected):
    return connected("libcurl")


CALLS = {
    "SendMessageBatch": lambda q: q.send([OutMessage("ä\u2028", {"n": 1})]),
    "ReceiveMessage": lambda q: q.receive(wait_seconds=0),
    "DeleteMessageBatch": lambda q: q.delete(["r"]),
    "ChangeMessageVisibilityBatch": lambda q: q.extend(["r"], 30),
}


@pytest.mark.parametrize("action", CALLS)
def test_sqs(aws, loopback, action):
    loopback.answer = loopback.Answer(body=b"{}")
    CALLS[action](Queue(aws, f"{loopback.url}/000000000000/q"))
    seen = loopback.requests[-1]
    assert (seen.action, seen.method, seen.path) == (action, "POST", "/")
    ours, theirs, signed = signature(seen, loopback.url)
    assert ours == theirs
    assert signed["x-amz-security-token"] == KEYS.token
    assert signed[HASH] == hashlib.sha256(seen.body).hexdigest()
    assert json.loads(seen.body)["QueueUrl"] == f"{loopback.url}/000000000000/q"


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
KEY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@given(
    KEY,
    st.binary(max_size=300),
    st.dictionaries(st.from_regex("[a-z][a-z0-9-]{0,10}", fullmatch=True), PRINTABLE, max_size=4),
)
def test_s3(aws, loopback, name, body, metadata):
    loopback.answer = loopback.Answer(headers={"ETag": '"e"'})
    key = f"events/dt=2026-11-26/hour=02/{name}"
    etag = Bucket(aws, "bucket").put(key, body, metadata=metadata, if_none_match=True)
    assert etag == '"e"'
    seen = loopback.requests[-1]
    assert seen.path.startswith("/bucket/events/dt%3D2026-11-26/hour%3D02/")
    ours, theirs, signed = signature(seen, loopback.url)
    assert ours == theirs
    if "aws-chunked" not in seen.headers.get("content-encoding", ""):
        assert seen.body == body
        assert signed[HASH] == hashlib.sha256(body).hexdigest()
        crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        assert signed["x-amz-checksum-crc32"] == crc
    assert signed["if-none-match"] == "*"
    sent = {f"x-amz-meta-{n}": value.strip() for n, value in metadata.items()}
    assert {n: v for n, v in signed.items() if n.startswith("x-amz-meta-")} == sent


@pytest.mark.parametrize(
    "key", ["a/../b", "./a", "a/.", "a//b", "%2e%2e/a", "a?b#c", "a b+c", "~*'()"]
)
def test_every_key_goes_where_botocore_sends_it(aws, connected, loopback, key):
    loopback.answer = loopback.Answer(headers={"ETag": '"e"'})
    paths = []
    for clients in (aws, connected("boto3")):
        Bucket(clients, "bucket").put(key, b"x")
        paths.append(loopback.requests[-1].path)
    assert paths[0] == paths[1]


@pytest.mark.parametrize("value", ["naïve", "two\nlines", "a\r\nx-amz-acl: public-read", "\x00"])
def test_what_is_no_header_is_not_sent(aws, loopback, value):
    before = len(loopback.requests)
    with pytest.raises(PermanentError, match=r"metadata|header") as caught:
        Bucket(aws, "bucket").put("k", b"x", metadata={"name": value})
    assert type(caught.value) is PermanentError
    assert len(loopback.requests) == before


@given(PRINTABLE.filter(str.strip), st.text("abc/+=", min_size=1), st.binary(max_size=64))
def test_any_keys_sign(loopback, secret, token, body):
    loopback.answer = loopback.Answer(body=b"{}")
    keys = Credentials("AKIA0", secret, token)
    headers = [f"{HASH}: {hashlib.sha256(body).hexdigest()}"]
    frozen = keys.get_frozen_credentials()
    Http().send(
        Request("POST", loopback.url + "/", headers, body, "a", "aws:amz:eu-west-1:sqs", frozen)
    )
    ours, theirs, _ = signature(loopback.requests[-1], loopback.url, keys)
    assert ours == theirs


class Rotating:
    """Credentials that are others each time."""

    def __init__(self):
        self.asked = 0

    def get_frozen_credentials(self):
        self.asked += 1
        return Credentials(f"AKIA{self.asked}", f"secret{self.asked}", f"token{self.asked}")


def test_credentials_are_asked_for_at_each_request(aws, loopback, monkeypatch):
    loopback.answer = loopback.Answer(body=b"{}")
    queue = Queue(aws, f"{loopback.url}/000000000000/q")
    monkeypatch.setattr(queue._hot, "_credentials", Rotating())
    for number in (1, 2):
        queue.receive(wait_seconds=0)
        seen = loopback.requests[-1]
        assert seen.headers["x-amz-security-token"] == f"token{number}"
        keys = Credentials(f"AKIA{number}", f"secret{number}", f"token{number}")
        ours, theirs, _ = signature(seen, loopback.url, keys)
        assert ours == theirs


@pytest.mark.parametrize("client", ["libcurl", "boto3"])
def test_without_credentials_nothing_is_asked(connected, loopback, monkeypatch, client):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    aws = connected(client)
    before = len(loopback.requests)
    with pytest.raises(NoCredentialsError) as caught:
        Queue(aws, f"{loopback.url}/000000000000/q").receive()
    assert isinstance(caught.value.__cause__, BotoNoCredentialsError)
    with pytest.raises(NoCredentialsError):
        Bucket(aws, "bucket").put("k", b"")
    assert len(loopback.requests) == before
