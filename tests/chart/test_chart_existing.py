"""Secrets and certificates that the chart did not make: an upgrade after a change of one replaces the pods that read it."""

import subprocess

import pytest
import yaml
from kube_api import KubeApi

VALUES = (
    *("--set", "autoscaling.enabled=false"),
    *("--set", "aws.existingSecret=keys,caBundle.configMap=ca,compactor.enabled=true,compactor.every=10m"),
    *("--set", "producers[0].name=open,producers[0].url=http://sse.example/x"),
    *("--set", "producers[1].name=closed,producers[1].existingSecret=token"),
)  # fmt: skip


@pytest.fixture
def cluster(helm):
    with KubeApi() as api:
        api.put("secrets", "keys", {"AWS_ACCESS_KEY_ID": "a"})
        api.put("secrets", "token", {"SLUICE_SOURCE_URL": "a"})
        api.put("configmaps", "ca", {"ca.crt": "a"})
        yield api


@pytest.fixture
def upgraded(helm, cluster, tmp_path, pytestconfig):
    """`upgraded()`: what helm renders with this cluster: Deployment's last word → checksum, or None."""

    chart = str(pytestconfig.rootpath / "deploy/helm/sluice")

    def run(*arguments):
        done = subprocess.run(
            [helm, "template", "rel", chart, *VALUES, "--dry-run=server", "--namespace", "default",
             "--disable-openapi-validation", f"--kube-apiserver={cluster.url}", *arguments],
            capture_output=True, text=True, check=False, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return {
            o["metadata"]["name"].rpartition("-")[2]: o["spec"]["template"]["metadata"][
                "annotations"
            ].get("checksum/existing")
            for o in yaml.safe_load_all(done.stdout)
            if o and o["kind"] == "Deployment"
        }

    return run


ALL = {"open", "closed", "batcher", "compactor"}


@pytest.mark.parametrize(
    ("resource", "name", "replaced"),
    [("secrets", "keys", ALL), ("secrets", "token", {"closed"}), ("configmaps", "ca", ALL)],
)
def test_who_reads_what_has_changed_is_replaced_and_nobody_else(
    cluster, upgraded, resource, name, replaced
):
    before = upgraded()
    assert before.keys() == ALL
    assert all(before.values())
    assert upgraded() == before, "nothing has changed"
    (key,) = cluster.objects[resource, name]["data"]
    cluster.put(resource, name, {key: "b"})
    after = upgraded()
    assert {pod for pod in ALL if after[pod] != before[pod]} == replaced


def test_the_same_words_in_another_secret_have_another_checksum(cluster, upgraded):
    """Of a short word a checksum alone would be as good as the word: what Secrets show to their readers only goes in."""
    before = upgraded()["closed"]
    cluster.put("secrets", "token", {"SLUICE_SOURCE_URL": "a"}, uid="2")
    assert upgraded()["closed"] != before


def test_what_is_not_there_yet_stops_nothing(cluster, upgraded):
    cluster.objects.clear()
    assert set(upgraded().values()) == {None}


def test_where_helm_may_not_read_secrets_it_can_be_turned_off(cluster, upgraded):
    cluster.objects["secrets", "keys"] = None
    with pytest.raises(AssertionError, match="Forbidden"):
        upgraded()
    assert set(upgraded("--set", "restartOnChange=false").values()) == {None}


def test_without_a_cluster_there_is_none_and_each_rendering_is_the_same(template):
    once, again = (template(*VALUES, release=name).stdout for name in ("rel", "rel"))
    assert once == again
    assert "kind: Deployment" in once
    assert "checksum/existing" not in once
