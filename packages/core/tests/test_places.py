"""Where requests go: the proxies, certificates, hosts and regions that boto3 would take, whoever carries them."""

import contextlib
import datetime
import ssl
import sys

import pytest
import trustme
from sluice_core.aws import clients
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import SluiceError, TemporaryError
from sluice_core.settings import CommonSettings, load_settings
from structlog.testing import capture_logs

BOTH = ("libcurl", "boto3")


@pytest.fixture
def environ(monkeypatch):
    """Sets the process's environment, in which only what it is given counts."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def put(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    put(AWS_ACCESS_KEY_ID="AKIATEST00000000", AWS_SECRET_ACCESS_KEY="secret" * 3)
    return put


def connect(client, **settings):
    return clients(load_settings(CommonSettings, {"SLUICE_AWS_CLIENT": client, **settings}))


def asked(client, loopback, **settings):
    """What arrives at `loopback` when a message is sent and an object written: method, path and proxy's header."""
    loopback.requests.clear()
    aws = connect(client, **settings)
    for call in (
        lambda: Queue(aws, "http://q/000000000000/q").send([OutMessage("x")]),
        lambda: Bucket(aws, "bucket").put("k", b"x"),
    ):
        with contextlib.suppress(SluiceError):
            call()
    auth = "proxy-authorization"
    return [(seen.method, seen.path, seen.headers.get(auth)) for seen in loopback.requests]


@pytest.mark.parametrize(
    ("variables", "settings", "hosts"),
    [
        ({}, {}, ["sqs.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com"]),
        ({}, {"AWS_REGION": "eu-west-1"}, ["sqs.eu-west-1.", "bucket.s3.eu-west-1."]),
        (
            {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
            {"AWS_REGION": "eu-west-1"},
            ["sqs.eu-west-1.api.aws", "bucket.s3.dualstack.eu-west-1."],
        ),
        (
            {"AWS_USE_FIPS_ENDPOINT": "true"},
            {"AWS_REGION": "us-east-2"},
            ["sqs-fips.us-east-2.", "bucket.s3-fips.us-east-2."],
        ),
        ({}, {"AWS_REGION": "cn-north-1"}, ["sqs.cn-north-1.amazonaws.com.cn", "bucket.s3.cn-"]),
        (
            {},
            {"AWS_ENDPOINT_URL_SQS": "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"},
            ["vpce-1.sqs.eu-west-1.vpce.amazonaws.com", "bucket.s3.amazonaws.com"],
        ),
    ],
    ids=["home", "a region", "dual stack", "FIPS", "China", "a VPC endpoint"],
)
def test_the_hosts_are_botocores(environ, loopback, variables, settings, hosts):
    loopback.answer = loopback.Answer(403)
    secret = loopback.url.replace("http://", "http://me:pass%2Fword@")
    environ(HTTPS_PROXY=secret, **variables)
    ours, theirs = (asked(client, loopback, **settings) for client in BOTH)
    assert ours == theirs
    assert [path.startswith(host) for (_, path, _), host in zip(ours, hosts, strict=True)] == [
        True,
        True,
    ]
    assert {(method, path.endswith(":443"), auth) for method, path, auth in ours} == {
        ("CONNECT", True, "Basic bWU6cGFzcy93b3Jk")
    }


@pytest.mark.parametrize(
    ("no_proxy", "reached"),
    [("", 2), ("other.example", 2), ("localhost", 2), ("store.example", 0), (".example", 0)],
)
def test_the_proxies_are_botocores(environ, loopback, no_proxy, reached):
    loopback.answer = loopback.Answer(503)
    environ(HTTP_PROXY=loopback.url, NO_PROXY=no_proxy)
    # A name that nobody has: what does not go through the proxy goes nowhere.
    settings = {"AWS_ENDPOINT_URL": "http://store.example:1"}
    ours, theirs = (asked(client, loopback, **settings) for client in BOTH)
    assert ours == theirs
    assert [path for _, path, _ in ours] == [
        "http://store.example:1/",
        "http://store.example:1/bucket/k",
    ][:reached]


def test_no_error_tells_the_proxys_password(environ, loopback):
    loopback.answer = loopback.Answer(407)
    environ(HTTPS_PROXY=loopback.url.replace("http://", "http://me:hunter2@"))
    for client in BOTH:
        with pytest.raises(TemporaryError) as caught:
            Queue(connect(client), "http://q/0/q").receive()
        assert "hunter2" not in str(caught.value)


@pytest.fixture(scope="module")
def authority():
    """A certificate authority that nothing on this machine trusts."""
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority, tmp_path_factory):
    """The file by which a client is told to trust it."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def secure(loopback, authority):
    """A server like `loopback` behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = type(loopback)(context)
    yield server
    server.close()


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", None])
@pytest.mark.parametrize("client", BOTH)
def test_a_private_ca(environ, secure, bundle, client, variable):
    if variable:
        environ(**{variable: bundle})
    secure.answer = secure.Answer(headers={"ETag": '"e"'})
    bucket = Bucket(connect(client, AWS_ENDPOINT_URL=secure.url), "bucket")
    if variable:
        assert bucket.put("k", b"x") == '"e"'
        assert secure.requests[-1].path == "/bucket/k"
        return
    with pytest.raises(TemporaryError, match=r"(?i)certificate"):
        bucket.put("k", b"x")
    assert secure.requests == []


def test_within_tls_a_checksum_guards_the_body(environ, secure, bundle):
    environ(AWS_CA_BUNDLE=bundle)
    secure.answer = secure.Answer(headers={"ETag": '"e"'})
    Bucket(connect("libcurl", AWS_ENDPOINT_URL=secure.url), "bucket").put("k", b"x")
    sent = secure.requests[-1].headers
    assert sent["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert sent["x-amz-checksum-crc32"] == "jNwWgw=="


def test_a_bucket_of_another_region_costs_one_detour(environ, loopback):
    """As boto3: S3 says where it is, the object is written there, and from then on at once."""
    environ()
    aws = connect("libcurl", AWS_ENDPOINT_URL=loopback.url, AWS_REGION="us-east-1")
    elsewhere = b"<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"

    def answer(seen):
        if "/eu-west-1/s3/" in seen.headers["authorization"]:
            return loopback.Answer(headers={"ETag": '"e"'})
        return loopback.Answer(301, {"x-amz-bucket-region": "eu-west-1"}, elsewhere)

    loopback.answer = answer
    bucket = Bucket(aws, "bucket")
    assert [bucket.put(name, b"x") for name in ("a", "b", "c")] == ['"e"'] * 3
    loopback.requests.clear()
    bucket.put("d", b"x")
    (seen,) = loopback.requests
    assert seen.path == "/bucket/d"
    assert "transfer-encoding" not in seen.headers


def test_a_name_and_password_in_the_endpoint_sign_nothing(environ, loopback):
    loopback.answer = loopback.Answer(headers={"ETag": '"e"'})
    for client in BOTH:
        aws = connect(client, AWS_ENDPOINT_URL=loopback.url.replace("http://", "http://me:pw@"))
        Bucket(aws, "bucket").put("k", b"x")
        assert "Credential=AKIATEST00000000/" in loopback.requests[-1].headers["authorization"]
        places = getattr(aws.carrier.over(aws.s3), "_buckets", {})
        assert not [place for place in places.values() if "me" in place.url]


PROCESS = """#!/bin/sh
echo x >> "$0.asked"
n=$(wc -l < "$0.asked")
printf '{"Version": 1, "AccessKeyId": "AKIAPROCESS00000", "SecretAccessKey": "secret-%d",' $n
printf '"SessionToken": "token-%d", "Expiration": "@soon@"}' $n
"""
"""A credential process whose keys are about to expire each time."""


@pytest.mark.parametrize("client", BOTH)
def test_credentials_come_by_the_chain_and_are_refreshed(
    environ, monkeypatch, loopback, tmp_path, client
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=9)
    program = tmp_path / "keys"
    program.write_text(PROCESS.replace("@soon@", soon.isoformat()))
    program.chmod(0o700)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {program}\n")
    environ(AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_SHARED_CREDENTIALS_FILE="/nonexistent")
    loopback.answer = loopback.Answer(headers={"ETag": '"e"'}, body=b"")
    bucket = Bucket(connect(client, AWS_ENDPOINT_URL=loopback.url), "bucket")
    tokens = []
    for _ in range(3):
        bucket.put("k", b"x")
        tokens.append(int(loopback.requests[-1].headers["x-amz-security-token"].split("-")[1]))
    assert tokens[0] < tokens[1] < tokens[2]


def test_without_pycurl_boto3_takes_over_and_says_so(environ, loopback, monkeypatch):
    environ()
    monkeypatch.setitem(sys.modules, "pycurl", None)
    for name in ("curl", "hot"):
        monkeypatch.delitem(sys.modules, f"sluice_core.aws.{name}", raising=False)
        monkeypatch.delattr(f"sluice_core.aws.{name}", raising=False)
    aws = connect("libcurl", AWS_ENDPOINT_URL=loopback.url)
    loopback.answer = loopback.Answer(headers={"ETag": '"e"'})
    assert Bucket(aws, "bucket").put("k", b"x") == '"e"'
    assert "Boto3" in loopback.requests[-1].headers["user-agent"]
    with capture_logs() as lines:
        aws.carrier.tell()
    assert [(line["log_level"], line.get("client")) for line in lines] == [
        ("warning", None),
        ("info", "boto3"),
    ]
    assert "SLUICE_AWS_CLIENT=boto3" in lines[0]["event"]


@pytest.mark.parametrize(
    ("version", "client"),
    [("8.23.0", "libcurl 8.23.0"), ("8.9.1", "boto3"), ("10.0", "libcurl 10.0")],
)
def test_an_old_libcurl_is_not_trusted(environ, monkeypatch, version, client):
    environ()
    monkeypatch.setattr("sluice_core.aws.curl.VERSION", version)
    assert connect("libcurl").carrier.name == client


def test_the_client_in_use_is_told(environ):
    environ()
    with capture_logs() as lines:
        connect("libcurl").carrier.tell()
        connect("boto3").carrier.tell()
    assert [line["log_level"] for line in lines] == ["info", "info"]
    assert lines[0]["client"].startswith("libcurl 8.")
    assert lines[1]["client"] == "boto3"
