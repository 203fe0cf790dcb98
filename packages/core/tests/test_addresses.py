"""Queues and buckets by name, URL and ARN: of other accounts and regions, too, and FIFO nowhere."""

import io
import json

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from sluice_core.aws import clients
from sluice_core.aws.curl import Reply
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue, dead_letter_queue
from sluice_core.errors import ConfigError, UnexpectedAnswerError
from sluice_core.settings import CommonSettings, effective, load_settings
from sluice_core.settings.addresses import parse_bucket, parse_queue
from urllib3 import HTTPResponse

ACCOUNT = "123456789012"
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "VisibilityTimeout",
    "CreatedTimestamp",
)
JSON = {"content-type": "application/x-amz-json-1.0"}


class Cloud:
    """AWS, as far as where a request goes to and for which region it is signed."""

    client = ""

    def __init__(self, monkeypatch, **environ):
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_S3"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")
        self.requests = []
        self.replies = {}
        monkeypatch.setattr(
            "botocore.httpsession.URLLib3Session.send", lambda _, request: self._boto3(request)
        )
        monkeypatch.setattr(
            "sluice_core.aws.curl.Http.send", lambda _, request: self._libcurl(request)
        )
        self.carried = set()
        environ["SLUICE_AWS_CLIENT"] = self.client
        self.aws = clients(load_settings(CommonSettings, environ))

    def _libcurl(self, request):
        self.carried.add("libcurl")
        headers = HeadersDict(line.split(": ", 1) for line in request.headers)
        headers["X-Amz-Security-Token"] = request.keys.token
        region = request.signing.split(":")[2]
        status, headers, body = self._answer(request, headers, region)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return Reply(status, f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode(), body)

    def _boto3(self, request):
        headers = HeadersDict(
            (name, value if isinstance(value, str) else value.decode())
            for name, value in request.headers.items()
        )
        region = headers["Authorization"].split("Credential=")[1].split("/")[2]
        status, headers, body = self._answer(request, headers, region)
        raw = HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)
        return AWSResponse(request.url, status, raw.headers, raw)

    def _answer(self, request, headers, region):
        action = headers.get("X-Amz-Target", "").rpartition(".")[2]
        assert headers["X-Amz-Security-Token"] == "a-token"
        body = json.loads(request.body) if action else {}
        self.requests.append((action or request.method, request.url, region, body, headers))
        status, reply = self.replies.get(action, (200, {}))
        return (
            (status, JSON, json.dumps(reply).encode()) if action else (status, {"ETag": '"e"'}, b"")
        )


@pytest.fixture(autouse=True, params=["libcurl", "boto3"])
def _either(monkeypatch, request):
    monkeypatch.setattr(Cloud, "client", request.param)


def sent_to(cloud, queue):
    cloud.replies["SendMessageBatch"] = (200, {"Successful": [{"Id": "0"}]})
    assert queue.send([OutMessage("x")]) == []
    _, url, region, body, _ = cloud.requests[-1]
    return url, region, body["QueueUrl"]


@pytest.mark.parametrize(
    ("given", "region"),
    [
        (f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q", "eu-west-1"),
        (f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/q", "cn-north-1"),
        (f"https://sqs-fips.us-gov-west-1.amazonaws.com/{ACCOUNT}/q", "us-gov-west-1"),
        (f"https://sqs.eu-central-1.api.aws/{ACCOUNT}/q", "eu-central-1"),
        (f"https://vpce-0a-b.sqs.eu-west-1.vpce.amazonaws.com/{ACCOUNT}/q", "eu-west-1"),
        (f"https://eu-west-1.queue.amazonaws.com/{ACCOUNT}/q", "eu-west-1"),
        (f"https://queue.amazonaws.com/{ACCOUNT}/q", "us-east-1"),
        (f"http://localhost:4566/{ACCOUNT}/q", "ap-south-1"),
    ],
)
def test_a_queues_url_says_where_and_for_which_region(monkeypatch, given, region):
    cloud = Cloud(monkeypatch, AWS_REGION="ap-south-1")
    url, signed, queue = sent_to(cloud, Queue.resolve(cloud.aws, given))
    assert url.startswith(given.split("/" + ACCOUNT)[0])
    assert (signed, queue) == (region, given)


def test_a_given_endpoint_comes_before_the_urls_host(monkeypatch):
    cloud = Cloud(monkeypatch, AWS_ENDPOINT_URL="http://proxy:1")
    given = f"http://sqs.eu-west-1.localhost.localstack.cloud:4566/{ACCOUNT}/q"
    url, signed, queue = sent_to(cloud, Queue.resolve(cloud.aws, given))
    assert url.startswith("http://proxy:1/")
    assert (signed, queue) == ("eu-west-1", given)


def test_an_arn_is_looked_up_in_its_region_and_account(monkeypatch):
    cloud = Cloud(monkeypatch)
    url = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q"
    cloud.replies["GetQueueUrl"] = (200, {"QueueUrl": url})
    queue = Queue.resolve(cloud.aws, f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q")
    action, where, region, body, _ = cloud.requests[0]
    assert (action, where.rstrip("/"), region) == (
        "GetQueueUrl",
        "https://sqs.eu-west-1.amazonaws.com",
        "eu-west-1",
    )
    assert body == {"QueueName": "q", "QueueOwnerAWSAccountId": ACCOUNT}
    assert sent_to(cloud, queue) == (where, "eu-west-1", url)


def test_who_may_use_a_queue_but_not_look_it_up_can_give_its_arn(monkeypatch):
    cloud = Cloud(monkeypatch)
    cloud.replies["GetQueueUrl"] = (403, {"__type": "com.amazonaws.sqs#AccessDenied"})
    queue = Queue.resolve(cloud.aws, f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q")
    assert queue.url == f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q"


def test_the_dead_letter_queue_of_another_account_is_found(monkeypatch):
    cloud = Cloud(monkeypatch)
    queue = Queue.resolve(cloud.aws, f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q")
    counts = dict.fromkeys(COUNTS, "1")
    policy = {
        "deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:dead_letters",
        "maxReceiveCount": 9,
    }
    cloud.replies["GetQueueAttributes"] = (
        200,
        {"Attributes": {**counts, "RedrivePolicy": json.dumps(policy)}},
    )
    found = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/dead_letters"
    cloud.replies["GetQueueUrl"] = (200, {"QueueUrl": found})
    assert dead_letter_queue(cloud.aws, queue, None).url == found
    *_, body, _ = cloud.requests[-1]
    assert body == {"QueueName": "dead_letters", "QueueOwnerAWSAccountId": ACCOUNT}

    # Without a policy it is looked for beside its queue, not at home.
    cloud.replies["GetQueueAttributes"] = (200, {"Attributes": counts})
    assert dead_letter_queue(cloud.aws, queue, None).url == found
    _, _, region, body, _ = cloud.requests[-1]
    assert region == "eu-west-1"
    assert body == {"QueueName": "q_dlq", "QueueOwnerAWSAccountId": ACCOUNT}


def test_each_services_own_endpoint_comes_first(monkeypatch):
    environ = {"AWS_ENDPOINT_URL": "http://both:1", "AWS_ENDPOINT_URL_SQS": "http://queues:1"}
    cloud = Cloud(monkeypatch, **environ)
    cloud.replies["GetQueueUrl"] = (200, {"QueueUrl": f"http://queues:1/{ACCOUNT}/q"})
    url, *_ = sent_to(cloud, Queue.resolve(cloud.aws, "q"))
    assert url.startswith("http://queues:1/")
    Bucket(cloud.aws, "bucket").put("k", b"")
    assert cloud.requests[-1][1] == "http://both:1/bucket/k"  # path style

    cloud = Cloud(monkeypatch, AWS_ENDPOINT_URL_S3="http://store:1")
    Bucket(cloud.aws, "bucket").put("k", b"")
    assert cloud.requests[-1][1] == "http://store:1/bucket/k"
    cloud.replies["GetQueueUrl"] = (
        200,
        {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"},
    )
    Queue.resolve(cloud.aws, "q")
    assert cloud.requests[-1][1].startswith("https://sqs.us-east-1.amazonaws.com")

    environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
    cloud = Cloud(monkeypatch, **environ)
    Bucket(cloud.aws, "bucket").put("k", b"")
    assert cloud.requests[-1][1] == "https://bucket.s3.amazonaws.com/k"


def test_an_endpoint_out_of_awss_configuration_file_means_path_style_too(monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[default]\nendpoint_url = http://store:1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    cloud = Cloud(monkeypatch)
    Bucket(cloud.aws, "bucket").put("k", b"")
    assert cloud.requests[-1][1] == "http://store:1/bucket/k"


@pytest.mark.parametrize(
    ("environ", "headers"),
    [
        ({}, {}),
        ({"SLUICE_S3_SSE": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {
                "SLUICE_S3_SSE": "aws:kms",
                "SLUICE_S3_SSE_KMS_KEY_ID": "alias/lake",
                "SLUICE_S3_BUCKET_KEY": "true",
            },
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "alias/lake",
                "x-amz-server-side-encryption-bucket-key-enabled": "true",
            },
        ),
        ({"SLUICE_S3_SSE": "aws:kms:dsse"}, {"x-amz-server-side-encryption": "aws:kms:dsse"}),
    ],
)
def test_every_write_asks_for_the_encryption(monkeypatch, environ, headers):
    cloud = Cloud(monkeypatch, **environ)
    Bucket(cloud.aws, "bucket").put("k", b"x", if_none_match=True)
    sent = {name.lower(): value for name, value in cloud.requests[-1][4].items()}
    assert {n: v for n, v in sent.items() if "encryption" in n} == headers


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("SLUICE_QUEUE", "events.fifo", "FIFO queues are not supported"),
        ("SLUICE_QUEUE", f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/e.fifo", "FIFO"),
        ("SLUICE_DLQ", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:dead.fifo", "FIFO"),
        ("SLUICE_QUEUE", f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic", "arn:aws:sqs:<region>"),
        ("SLUICE_QUEUE", "https://sqs.eu-west-1.amazonaws.com/", "<account>/<name>"),
        ("SLUICE_QUEUE", "a b", "1 to 80 letters"),
        ("SLUICE_BUCKET", "Upper", "3 to 63 small letters"),
        ("SLUICE_BUCKET", f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/a", "alias"),
        ("AWS_ENDPOINT_URL_S3", "store:9000", "http://host"),
        ("SLUICE_S3_SSE", "kms", "aws:kms"),
        ("SLUICE_S3_SSE_KMS_KEY_ID", "alias/lake", "needs SLUICE_S3_SSE"),
        ("SLUICE_S3_BUCKET_KEY", "true", "needs SLUICE_S3_SSE=aws:kms"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(variable, value, rule):
    with pytest.raises(ConfigError) as caught:
        load_settings(CommonSettings, {variable: value})
    text = str(caught.value)
    assert text.startswith(f"{variable}=")
    assert rule in text
    assert "\n" not in text
    assert "pattern" not in text


@pytest.mark.parametrize("given", ["lake", "s3://lake", "s3://lake/", "arn:aws:s3:::lake"])
def test_a_bucket_by_any_of_its_names(given):
    assert parse_bucket(given) == "lake"
    assert load_settings(CommonSettings, {"SLUICE_BUCKET": given}).bucket == "lake"


def test_localstacks_urls_by_path_tell_their_region():
    address = parse_queue(f"http://localhost:4566/queue/eu-west-1/{ACCOUNT}/q")
    assert (address.name, address.account, address.region) == ("q", ACCOUNT, "eu-west-1")


def test_the_effective_settings_name_each_endpoint():
    shown = effective(load_settings(CommonSettings, {"AWS_ENDPOINT_URL_SQS": "http://me:pw@q:1"}))
    assert shown["AWS_ENDPOINT_URL_SQS"] == "http://********@q:1"
    assert shown["AWS_ENDPOINT_URL_S3"] == ""


def test_a_redrive_policy_that_leads_nowhere_is_an_odd_answer(monkeypatch):
    cloud = Cloud(monkeypatch)
    counts = dict.fromkeys(COUNTS, "1")
    policy = json.dumps({"deadLetterTargetArn": "arn:nonsense", "maxReceiveCount": 9})
    cloud.replies["GetQueueAttributes"] = (200, {"Attributes": {**counts, "RedrivePolicy": policy}})
    queue = Queue.resolve(cloud.aws, f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q")
    with pytest.raises(UnexpectedAnswerError, match="redrive policy"):
        dead_letter_queue(cloud.aws, queue, None)
