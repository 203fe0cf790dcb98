"""`skaffold dev`: a changed line of Python runs in the same pod seconds later."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from kit.cluster import command
from kit.release import ROOT
from kit.waiting import until

NAMESPACE = "sluice"


def copy_of_the_tree(directory: Path) -> Path:
    """The files that git knows, as they are now: the test changes one, and not the user's."""
    target = directory / "tree"
    listed = command(
        "git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.mark.timeout(420)
def test_a_changed_line_runs_in_the_same_pod(cluster, evidence, tmp_path):
    if shutil.which("skaffold") is None:
        pytest.skip("skaffold is missing (https://skaffold.dev/docs/install/)")
    tree = copy_of_the_tree(tmp_path)
    cluster.drop_namespace(NAMESPACE)
    log = evidence / "skaffold.log"

    def version(component: str) -> dict[str, str]:
        """Ready pod → the version that it says it is."""
        told = {}
        for pod in cluster.pods(NAMESPACE, component=component):
            path = f"pods/{pod.metadata.name}:8080"
            done = cluster.kubectl(
                "get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/{path}/proxy/metrics", check=False
            )
            for line in done.stdout.splitlines():
                if line.startswith("sluice_build_info{"):
                    told[pod.metadata.name] = line.partition('version="')[2].partition('"')[0]
        return told

    with log.open("wb") as file:
        skaffold = subprocess.Popen(
            [
                "skaffold",
                "dev",
                "--kube-context",
                cluster.context,
                "--port-forward=off",
                "--interactive=false",
            ],
            cwd=tree,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            until(
                lambda: "Watching for changes" in log.read_text() or skaffold.poll() is not None,
                "skaffold",
                deadline=300,
            )
            assert skaffold.poll() is None, log.read_text()[-3000:]
            before = {
                c: until(lambda c=c: version(c), f"{c}'s metrics", deadline=60)
                for c in ("producer", "batcher", "compactor")
            }
            source = tree / "packages/core/src/sluice_core/version.py"
            started = time.monotonic()
            source.write_text(source.read_text().replace("0.1.0", "0.1.0+changed"))
            for component, pods in before.items():
                changed = dict.fromkeys(pods, "0.1.0+changed")
                until(
                    lambda c=component, w=changed: version(c) == w,
                    f"the change in {component}",
                    deadline=60,
                )
            print(f"the change ran in all pods after {time.monotonic() - started:.1f} s")
        finally:
            skaffold.terminate()
            skaffold.wait(120)
            cluster.drop_namespace(NAMESPACE)
    shutil.rmtree(evidence)
