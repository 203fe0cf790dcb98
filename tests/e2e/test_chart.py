"""What only a cluster can show of the chart: its own test on odd values, the step to KEDA, the toolbox of the notes."""

import re
import shlex

import pytest
from kit.cluster import RESTRICTED
from kit.waiting import until

NO_TEXT = [
    {"name": "id", "path": "id", "type": "int64"},
    {"name": "bot", "path": "bot", "type": "bool"},
]


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_helm_test_on_parquet_without_text_on_a_tainted_node(make_release, cluster):
    node = cluster.core.list_node().items[0].metadata.name
    release = make_release(
        autoscaling__enabled=False,
        batcher__format="parquet",
        batcher__columns="file",
        batcher__columnsFile=NO_TEXT,
        batcher__tolerations=[{"key": "sluice/e2e", "operator": "Exists"}],
    )
    cluster.kubectl("taint", "node", node, "sluice/e2e=1:NoSchedule")
    try:
        done = release.helm("test", "sluice", "--timeout", "150s")
    finally:
        cluster.kubectl("taint", "node", node, "sluice/e2e-", check=False)
    assert "Phase:          Succeeded" in done.stdout


@pytest.mark.timeout(300)
def test_turning_autoscaling_on_keeps_the_pods(make_release, cluster):
    release = make_release(autoscaling__enabled=False, batcher__replicas=3, batcher__drain="return")
    first = release.wait_ready("batcher", 3)
    seen = []

    def record():
        path = ("get", "deployment", "sluice-batcher", "-o", "jsonpath={.spec.replicas}")
        seen.append(cluster.kubectl("-n", release.namespace, *path).stdout)

    release.apply(autoscaling__enabled=True, autoscaling__minReplicas=3)
    record()
    kept = release.wait_ready("batcher", 3)
    # An upgrade after the autoscaler has looked: the field may go now, and the number must not.
    until(
        lambda: "sluice-batcher" in cluster.kubectl(
            "-n", release.namespace, "get", "hpa", "-o", "jsonpath={.items[*].spec.scaleTargetRef.name}"
        ).stdout,
        "the autoscaler", deadline=60,
    )  # fmt: skip
    release.apply(batcher__batch__maxRows=99)
    record()
    release.apply(batcher__batch__maxRows=98)
    record()
    assert seen == ["3", "3", "3"]
    # Not even in between: a pod that was stopped would have another name now.
    assert {pod.name for pod in first} == {pod.name for pod in kept}


@pytest.mark.timeout(240)
def test_the_toolbox_of_the_notes(make_release, cluster):
    release = make_release(autoscaling__enabled=False)
    assert RESTRICTED["pod-security.kubernetes.io/enforce"] == "restricted"
    notes = release.helm("get", "notes", "sluice").stdout
    lines = [line.strip() for line in notes.splitlines() if "-toolbox" in line]
    assert len(lines) == 5
    debug, wait, check, look, delete = lines
    pod = release.wait_ready("batcher")[0].name
    debug = re.sub(r'"\$\(.*?\)"', pod, debug)
    for line in (debug, wait):
        cluster.kubectl(*shlex.split(line)[1:])
    cluster.kubectl(*(part for part in shlex.split(check)[1:] if part != "-it"))
    told = [part for part in shlex.split(look)[1:] if part != "-it"]
    release.lake.send("no json")  # becomes a dead letter
    until(lambda: "not-json" in cluster.kubectl(*told).stdout, "the dead letter", deadline=60)
    cluster.kubectl(*shlex.split(delete)[1:])
