"""What the chart says about AWS: endpoints, regions, tokens, encryption."""

import json
import re
import subprocess

import pytest
import yaml
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


NAMES = {
    "ACCOUNT": ACCOUNT,
    "REGION": "eu-west-1",
    "QUEUE": "sse_queue",
    "BUCKET": "acme-lake",
    "PREFIX": "events",
}


def block(page, name):
    """The code under `<!-- test: name -->`."""
    return re.search(rf"<!-- test: {name} -->\n```\w+\n(.*?)```", page, re.DOTALL)[1]


@pytest.fixture(scope="module")
def eks(pytestconfig):
    return (pytestconfig.rootpath / "docs" / "how-to" / "eks.md").read_text()


@pytest.mark.parametrize("way", ["irsa", "pod-identity"])
def test_the_values_of_the_page_on_eks_give_the_pods_and_keda_their_identity(
    render, pytestconfig, tmp_path, eks, way
):
    text = block(eks, way)
    for name, value in NAMES.items():
        text = text.replace(name, value)
    path = tmp_path / "eks.yaml"
    path.write_text(text)
    production = pytestconfig.rootpath / "deploy/helm/sluice/values-production.yaml"
    rendered = render("-f", str(production), "-f", str(path), given=False, release="sluice")
    for service in ("producer", "batcher"):
        account = rendered.one("ServiceAccount", f"-{service}")
        assert account["metadata"]["name"] == f"sluice-{service}", "the roles' trust names it"
        annotations = account["metadata"].get("annotations", {})
        role = f"arn:aws:iam::{ACCOUNT}:role/sluice-{service}"
        assert annotations.get("eks.amazonaws.com/role-arn") == (role if way == "irsa" else None)
    assert scaler(rendered)["identityOwner"] == "operator"
    assert not rendered.all("TriggerAuthentication")
    environment = rendered.environment("-batcher")
    assert environment["SLUICE_QUEUE"].endswith(f"/{ACCOUNT}/sse_queue")
    assert environment["SLUICE_BUCKET"] == "acme-lake"
    assert not {n for n in environment if n.startswith(("AWS_ACCESS", "AWS_SECRET"))}


@pytest.mark.parametrize(
    ("region", "more"),
    [
        ("us-east-1", ""),
        ("eu-west-1", " --create-bucket-configuration LocationConstraint=eu-west-1"),
    ],
)
def test_the_page_on_eks_makes_a_bucket_in_every_region(eks, region, more):
    """S3 refuses us-east-1 as a LocationConstraint (InvalidLocationConstraint), and it is the default region here:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""
    code = next(c for c in re.findall(r"```sh\n(.*?)```", eks, re.DOTALL) if "create-bucket" in c)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", 'aws() { echo "$*"; }\n' + code],
        env=NAMES | {"REGION": region, "DEAD_LETTER_QUEUE": "dead", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    made = done.stdout.splitlines()[-1]
    assert made == f"s3api create-bucket --region {region} --bucket acme-lake{more}"


def test_the_page_on_eks_fills_in_every_name_of_the_policies_that_it_uses(pytestconfig, eks):
    used = dict(re.findall(r"fill ([a-z-]+\.json)(| [^)]*)\)", eks))
    assert {"irsa-trust.json", "pod-identity-trust.json", "producer-policy.json"} < used.keys()
    for name, arguments in used.items():
        words = arguments.replace("$NAMESPACE", "sluice")
        done = subprocess.run(
            ["sh", "-euc", f"{block(eks, 'fill')}\nfill {name} {words or '- -'}"],
            cwd=pytestconfig.rootpath,
            env=NAMES
            | {"DEAD_LETTER_QUEUE": "sse_queue_dlq", "CLUSTER_ID": "ABC", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)["Statement"], name
        left = set(re.findall(r"\b[A-Z]{2}[A-Z_]+\b", done.stdout)) - {"AWS", "ABC"}
        assert not left, (name, left)


def test_other_code_of_the_page_on_eks_can_be_parsed(eks):
    for code in re.findall(r"```sh\n(.*?)```", eks, re.DOTALL):
        subprocess.run(["sh", "-n"], input=code, text=True, check=True)
    for code in re.findall(r"```yaml\n(.*?)```", eks, re.DOTALL):
        assert yaml.safe_load(code)["queue"]


def test_the_files_by_which_keda_takes_a_role_are_named_where_the_chart_asks_for_it(
    render, production_values, pytestconfig
):
    (auth,) = render(*production_values).all("TriggerAuthentication")
    assert auth["spec"]["podIdentity"] == {"provider": "aws", "identityOwner": "workload"}
    root = pytestconfig.rootpath
    head = (root / "deploy/helm/sluice/values-production.yaml").read_text().partition("\nimage:")[0]
    named = re.findall(r"docs/aws/[\w-]+\.json", head)
    actions = [json.loads((root / name).read_text())["Statement"][0]["Action"] for name in named]
    assert actions == [["sts:AssumeRole", "sts:TagSession"]] * 2, "to take it, and to be taken"
