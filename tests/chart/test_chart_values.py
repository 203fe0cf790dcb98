"""The chart takes what users write: nulls, numbers as text, big numbers, a parent chart's keys."""

import re

import pytest
import yaml


def leaves(tree, path=""):
    for key, value in tree.items():
        here = f"{path}.{key}".lstrip(".")
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        else:
            yield here, value


@pytest.fixture(scope="module")
def values(pytestconfig):
    text = (pytestconfig.rootpath / "deploy/helm/sluice/values.yaml").read_text()
    return dict(leaves(yaml.safe_load(text)))


def test_null_is_a_value_like_any_other(template, values):
    """Each value with null is rendered, or refused by its name; all that may be null at once is rendered."""
    given = [
        path
        for path, value in values.items()
        if value is None or isinstance(value, (str, list, dict))
    ]
    kept = (
        "producers",
        "image.pullPolicy",
        "localstack.image",
        "batcher.columns",
        "aws.region",
        "bucket.name",
        "compactor.schedule",
    )
    unset = [path for path in given if path not in (*kept, "networkPolicy.flavor")]
    assert len(unset) > 60
    arguments = [part for path in unset for part in ("--set", f"{path}=null")]
    done = template(*arguments, "--set", "queue.url=https://sqs.eu-west-1.amazonaws.com/123456789012/q",
                    "--set", "batcher.shutdownGrace=25s,producer.shutdownGrace=25s",
                    "--set", "batcher.batch.maxAge=30s", "--set", "producer.userAgent=T/1.0 (t@x.example)")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "<nil>" not in done.stdout
    assert "AWS_CA_BUNDLE" not in done.stdout
    assert not re.search(r"image: [^a-z]", done.stdout)
    empty = {
        entry["name"]
        for item in yaml.safe_load_all(done.stdout)
        for spec in [item["spec"].get("template", item).get("spec", {}) if "spec" in item else {}]
        for container in spec.get("containers", [])
        for entry in container["env"]
        if entry.get("value", "set") in ("", None, "null")
    }
    assert empty == {"SLUICE_PREFIX"}


def test_no_sources_are_no_error(render):
    assert render("--set", "producers=null").all("Deployment", "-batcher")


@pytest.mark.parametrize(
    "setting",
    [
        "batcher.batch.maxRows=2000000",
        "image.tag=20261126",
        "batcher.batch.maxBytes=2000000000",
        "batcher.maxHeldMessages=100000",
        "producer.pack.maxEvents=1000000",
        "producer.pack.maxBytes=1000000",
        "producer.rewind=600000",
        "demoSource.rate=5000000,demoSource.enabled=true",
        "autoscaling.queueLength=2000000",
        "autoscaling.activationQueueLength=2000000",
        "podSecurityContext.runAsUser=2000000,podSecurityContext.fsGroup=3000000000",
        "batcher.pdb.enabled=true,batcher.pdb.maxUnavailable=1000000",
    ],
)
def test_a_big_number_is_written_out(template, setting):
    """As a values file has it: a float, to Helm."""
    given = [part for one in setting.split(",") for part in ("--set-json", one)]
    done = template(*given)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"[0-9]e[+][0-9]", done.stdout)
    for number in re.findall(r"=([0-9]+)", setting):
        assert number in done.stdout


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("demoSource.rate=0.5,demoSource.enabled=true", "--rate=0.5"),
        ("producer.pack.maxAge=0.5", "SLUICE_PACK_MAX_AGE"),
        ("image.tag=42", "image: sluice-batcher:42"),
        ("compactor.enabled=true,compactor.schedule=@hourly", 'schedule: "@hourly"'),
        ("compactor.enabled=true,compactor.schedule=*/5 1-3 1\\,15 JAN MON-FRI", '"*/5 1-3 1,15 JAN MON-FRI"'),
        ("nameOverride=other", "name: rel-other-batcher"),
        ("image.registryRequired=true,image.producer=a,image.batcher=b", "image: b"),
        ("image.pullSecrets[0].name=a,image.pullSecrets[1]=b", "imagePullSecrets"),
        ("enabled=true,global.anything.at=all", "kind: Deployment"),
        ("producers[0].name=a,producers[0].url=http://x,producers[0].serviceAccount.name=mine", "name: mine"),
        ("producers[0].name=a,producers[0].url=http://x,producers[0].eventId=null", "kind: Deployment"),
    ],
)  # fmt: skip
def test_what_users_write_is_taken(template, setting, text):
    done = template("--set", setting)
    assert done.returncode == 0, done.stderr
    assert text in done.stdout


def test_a_release_whose_name_no_service_may_have_is_refused(refusal, render):
    """A Service's name begins with a letter: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""
    assert "set fullnameOverride" in refusal(release="1st")
    assert render("--set", "fullnameOverride=first", release="1st").one(
        "Deployment", "first-batcher"
    )


def test_half_a_second_is_half_a_second(render):
    environment = render("--set-json", "producer.pack.maxAge=0.5").environment(
        "-producer-wikimedia"
    )
    assert environment["SLUICE_PACK_MAX_AGE"] == "0.5"


def test_commands_and_arguments_are_text(render, everything_values):
    """`- --host=::` without quotes is a mapping, which only a server notices."""
    words = [
        word
        for deployment in render(*everything_values, given=False).all("Deployment")
        for container in deployment["spec"]["template"]["spec"]["containers"]
        for word in [*container.get("command", []), *container.get("args", [])]
    ]
    assert "--host=::" in words
    assert all(isinstance(word, str) for word in words)
