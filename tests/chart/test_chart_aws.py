"""What the chart says about AWS: endpoints, regions, tokens, encryption."""

import pytest
from sluice_batcher.settings import BatcherSettings
from sluice_core.settings import load_settings

ACCOUNT = "123456789012"


def settings(environment):
    given = {name: value for name, value in environment.items() if isinstance(value, str)}
    return load_settings(BatcherSettings, given)


def scaler(rendered):
    (scaled,) = rendered.all("ScaledObject")
    return scaled["spec"]["triggers"][0]["metadata"]


def test_encryption_and_endpoints_reach_the_services_and_the_scaler(render):
    rendered = render(
        "--set",
        "aws.endpointUrl=http://both,aws.sqsEndpointUrl=http://queues,aws.s3EndpointUrl=http://store",
        "--set",
        "bucket.encryption.sse=aws:kms,bucket.encryption.kmsKeyId=alias/lake,bucket.encryption.bucketKey=false",
    )
    for name in ("-batcher", "-producer-wikimedia"):
        read = settings_of(rendered, name)
        assert (read.sqs_endpoint, read.s3_endpoint) == ("http://queues", "http://store")
        assert read.encryption() == {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": "alias/lake",
            "BucketKeyEnabled": False,
        }
    assert scaler(rendered)["awsEndpoint"] == "http://queues"


def settings_of(rendered, ending):
    return settings(rendered.environment(ending))


def test_by_default_nothing_is_said_of_them(render):
    environment = render().environment("-batcher")
    assert not {
        n for n in environment if n.startswith(("SLUICE_S3", "AWS_ENDPOINT", "AWS_SESSION"))
    }


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q", "eu-west-1"),
        (f"https://sqs-fips.us-gov-west-1.amazonaws.com/{ACCOUNT}/q", "us-gov-west-1"),
        (f"https://vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com/{ACCOUNT}/q", "eu-west-1"),
        (f"https://eu-west-1.queue.amazonaws.com/{ACCOUNT}/q", "eu-west-1"),
        (f"http://stack.example:4566/{ACCOUNT}/q", "ap-south-1"),
    ],
)
def test_the_scaler_asks_in_the_queues_own_region(render, url, region):
    rendered = render("--set", f"aws.region=ap-south-1,queue.url={url}")
    assert scaler(rendered)["awsRegion"] == region
    assert rendered.environment("-batcher")["AWS_REGION"] == "ap-south-1"


def test_a_session_token_goes_with_its_keys(render):
    rendered = render("--set", "aws.existingSecret=keys,autoscaling.auth=secret")
    token = rendered.environment("-batcher")["AWS_SESSION_TOKEN"]
    assert token == {"secretKeyRef": {"name": "keys", "key": "AWS_SESSION_TOKEN", "optional": True}}
    (auth,) = rendered.all("TriggerAuthentication")
    refs = {r["parameter"]: r["key"] for r in auth["spec"]["secretTargetRef"]}
    assert refs["awsSessionToken"] == "AWS_SESSION_TOKEN"
