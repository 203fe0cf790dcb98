"""A kind cluster with KEDA and the images (`make e2e` makes it); each test has a namespace of its own."""

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# With importmode=importlib nothing puts this directory on the path, and `kit` is a package of ours.
sys.path.insert(0, str(Path(__file__).parent))

from kit.cluster import Cluster
from kit.evidence import keep
from kit.logs import Logs
from kit.release import ROOT, Release

EVIDENCE = ROOT / ".evidence" / "e2e"
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Everything here needs the cluster; what may take longest comes first, so that all workers end together.

    At first each worker has an equal part of the list, in a piece (the last ones have one more where it does not come out
    even), and who is done takes of the others' parts.
    """
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.e2e)
    no_others = len(here) == len(items)
    yield
    if no_others:
        items.sort(key=_allowed, reverse=True)
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        items[:] = [item for first in reversed(range(workers)) for item in items[first::workers]]


def _allowed(item: pytest.Item) -> float:
    """Seconds that the test may take."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Tells the fixtures whether the test failed."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture(scope="session")
def tag() -> str:
    """The images' tag; without it there is no cluster to test on."""
    found = os.environ.get("SLUICE_E2E_TAG", "")
    if not found:
        reason = "no cluster: run these tests with `make e2e`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def cluster(tag: str) -> Cluster:
    return Cluster(os.environ.get("SLUICE_E2E_CONTEXT", "kind-sluice"))


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Path:
    """The test's directory for what explains a failure."""
    directory = EVIDENCE / request.node.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def make_release(
    request: pytest.FixtureRequest, cluster: Cluster, tag: str, evidence: Path
) -> Iterator[Callable[..., Release]]:
    """`make_release(name=value, …)` installs the chart; what it leaves is kept when the test fails, then deleted."""
    made: list[tuple[Release, Logs]] = []

    def make(
        *,
        chart: Path | str | None = None,
        arguments: tuple[str, ...] = (),
        wait: bool = True,
        **values: Any,
    ) -> Release:
        # A name that no test had before: KEDA may keep the series of one that is gone, and they would be this one's.
        namespace = f"sluice-e2e-{secrets.token_hex(4)}"
        cluster.make_namespace(namespace)
        release = Release(cluster, namespace, tag)
        if chart is not None:
            release.chart = chart
        release.files = (*release.files, *arguments)
        logs = Logs(cluster, namespace, evidence / "logs")
        logs.__enter__()
        made.append((release, logs))
        release.logs = logs
        release.apply(wait=wait, **values)
        return release

    yield make
    failed = request.node.stash.get(_failed, False)
    for release, logs in made:
        if failed:
            keep(release, evidence)
        logs.__exit__()
        release.close()
        cluster.drop_namespace(release.namespace, wait=False)
    if not failed:
        shutil.rmtree(evidence, ignore_errors=True)
