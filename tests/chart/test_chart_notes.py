"""What helm tells after an installation. It shows the notes only with a cluster, so an object of the release carries them here."""

import json
import re

import pytest

NOTES = """apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data: {notes: {{ include "sluice.notes" . | quote }}}
"""


@pytest.fixture(scope="session")
def notes(render):
    def run(*arguments, **options):
        carrier = ("--set-json", f"extraObjects={json.dumps([NOTES])}")
        rendered = render(*arguments, *carrier, **options)
        return rendered.one("ConfigMap", "notes")["data"]["notes"]

    return run


def test_the_toolbox_is_a_copy_of_a_batchers_pod(notes):
    told = notes()
    assert "app.kubernetes.io/component=batcher -o name" in told
    assert "-c batcher -- sluice check\n" in told
    assert "the batcher's role needs docs/aws/toolbox-policy.json" in told


def test_where_there_may_be_no_batcher_it_is_a_producers_and_its_role_is_named(notes):
    told = notes("--set", "autoscaling.minReplicas=0")
    assert "app.kubernetes.io/component=producer -o name" in told
    assert "-c producer -- sluice check --service producer" in told
    assert "the producer's role needs docs/aws/toolbox-policy.json" in told


def test_localstack_has_no_roles(notes, kind_values):
    told = notes(*kind_values, given=False)
    assert "policy.json" not in told
    assert "awslocal" in told


def test_every_file_that_they_name_is_there(notes, pytestconfig):
    told = notes("--set", "autoscaling.minReplicas=0")
    named = set(re.findall(r"docs/[\w/-]+\.\w+", told))
    assert len(named) >= 2
    assert [name for name in named if not (pytestconfig.rootpath / name).is_file()] == []


def test_a_changed_secret_has_three_ways_and_each_that_is_read_is_named(notes):
    told = notes(
        *("--set", "aws.existingSecret=keys,caBundle.secret=ca,compactor.enabled=true"),
        *("--set", "compactor.pushgateway.existingSecret=push"),
        *("--set", "producers[0].name=a,producers[0].existingSecret=token"),
    )
    assert "The pods read keys, ca, token, push at their start." in told
    for way in (
        "`helm upgrade` replaces",
        "rollout restart deployment",
        "reloader.stakater.com/auto",
    ):
        assert way in told
    assert "at their start" not in notes()
    off = notes("--set", "aws.existingSecret=keys,restartOnChange=false")
    assert "rollout restart" in off
    assert "helm upgrade` replaces" not in off
