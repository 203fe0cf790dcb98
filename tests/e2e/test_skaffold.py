"""`skaffold dev`: a changed line of Python runs in the same pod seconds later, and no image is built for it."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.cluster import Cluster, command
from kit.release import ROOT
from kit.waiting import until
from kubernetes.client.exceptions import ApiException

NAMESPACE = "sluice"
SERVICES = ("producer", "batcher", "compactor")
BUILDS = "Generating tags"
"""What skaffold says at the beginning of each build."""
WATCHES = "Watching for changes"
SYNCS = "Syncing 1 files for"
"""What it says of each image that a saved file goes to, be it to a place that nothing reads there."""
IMAGES = 4


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


class Skaffold:
    """One `skaffold dev`, and the pods that it looks after."""

    def __init__(self, cluster: Cluster, log: Path) -> None:
        self._cluster = cluster
        self._log = log

    @contextmanager
    def running(self, tree: Path) -> Iterator[None]:
        """From its first deployment to the end of the context."""
        options = (
            f"--kube-context={self._cluster.context}",
            "--port-forward=off",
            "--interactive=false",
            # It would start a kubectl for each Deployment ten times a second: a third of the node's CPU.
            "--status-check=false",
        )
        with self._log.open("wb") as file:
            process = subprocess.Popen(
                ["skaffold", "dev", *options], cwd=tree, stdout=file, stderr=subprocess.STDOUT
            )
            try:
                until(
                    lambda: self.said(WATCHES) or process.poll() is not None,
                    "skaffold",
                    deadline=300,
                )
                assert process.poll() is None, self.tail()
                yield
            finally:
                process.terminate()
                process.wait(120)

    def said(self, words: str) -> int:
        """How often it has said this."""
        return self._log.read_text().count(words)

    def tail(self) -> str:
        return self._log.read_text()[-3000:]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Comes to its end when a save in it has reached all images, or one is built for it."""
        before = self.said(SYNCS)
        yield
        until(
            lambda: self.said(SYNCS) >= before + IMAGES or self.said(BUILDS) > 1,
            "the end of skaffold's work",
            deadline=90,
        )
        assert self.said(BUILDS) == 1, self.tail()

    def told(self, component: str, series: str) -> dict[str, str]:
        """Ready pod → its sample of a series: the rest of the line; empty while none answers."""
        told = {}
        for pod in self._cluster.pods(NAMESPACE, component=component):
            try:
                text = self._cluster.get(NAMESPACE, f"pods/{pod.name}:8080", "metrics")
            except ApiException:
                continue  # it is not there yet, or not any more
            for line in text.splitlines():
                if line.startswith(series):
                    told[pod.name] = line.removeprefix(series)
        return told

    def versions(self) -> dict[str, set[str]]:
        """Service → the versions that its pods say they are."""
        return {
            service: {
                text.partition('version="')[2].partition('"')[0]
                for text in self.told(service, "sluice_build_info{").values()
            }
            for service in SERVICES
        }

    def began(self) -> dict[str, dict[str, str]]:
        """Service → pod → when its process began."""
        return {service: self.told(service, "process_start_time_seconds ") for service in SERVICES}

    def ready(self) -> bool:
        """Whether all pods are, of which there are some."""
        pods = self._cluster.pods(NAMESPACE)
        return bool(pods) and all(pod.ready for pod in pods)

    def containers(self) -> dict[str, list[tuple[str, str, int]]]:
        """Pod → its containers: name, image and restarts."""
        return {
            pod.uid: [(one.name, one.image, one.restarts) for one in pod.containers]
            for pod in self._cluster.pods(NAMESPACE)
        }


def save(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new) if old else path.read_text() + new)


@pytest.mark.timeout(600)
def test_a_changed_line_runs_in_the_same_pod(cluster, evidence, tmp_path):
    if shutil.which("skaffold") is None:
        pytest.skip("skaffold is missing (https://skaffold.dev/docs/install/)")
    tree = copy_of_the_tree(tmp_path)
    cluster.drop_namespace(NAMESPACE)
    skaffold = Skaffold(cluster, evidence / "skaffold.log")
    try:
        with skaffold.running(tree):
            until(skaffold.ready, "all pods", deadline=180)
            until(lambda: all(skaffold.began().values()), "all metrics", deadline=60)
            assert skaffold.said(BUILDS) == 1, "skaffold has other words for a build"
            deployed = skaffold.containers()
            _everywhere(skaffold, tree)
            for service in SERVICES:
                _in_one(skaffold, tree, service)
            assert skaffold.said(BUILDS) == 1, skaffold.tail()
            assert skaffold.containers() == deployed, "no pod is another, and none has restarted"
    finally:
        cluster.drop_namespace(NAMESPACE)
    shutil.rmtree(evidence)


def _everywhere(skaffold: Skaffold, tree: Path) -> None:
    """A save of what the services share runs in all of them."""
    saved_at = time.monotonic()
    with skaffold.at_work():
        save(tree / "packages/core/src/sluice_core/version.py", "0.1.0", "0.1.0+changed")
        changed = {service: {"0.1.0+changed"} for service in SERVICES}
        until(lambda: skaffold.versions() == changed, "the change in all pods", deadline=90)
        print(f"the change ran in all pods after {time.monotonic() - saved_at:.1f} s")


def _in_one(skaffold: Skaffold, tree: Path, service: str) -> None:
    """A save of one service runs there, in the same pod, and reaches no other."""
    until(lambda: all(skaffold.began().values()), "all metrics", deadline=60)
    before = skaffold.began()

    def changed() -> bool:
        now = skaffold.told(service, "process_start_time_seconds ")
        return now.keys() == before[service].keys() and now != before[service]

    with skaffold.at_work():
        save(tree / f"services/{service}/src/sluice_{service}/__init__.py", "", "# changed\n")
        until(changed, f"{service} with its change", deadline=60)
    others = {name: told for name, told in skaffold.began().items() if name != service}
    assert others == {name: before[name] for name in others}, f"a save of {service} went further"
