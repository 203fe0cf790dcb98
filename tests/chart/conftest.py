"""Renders the chart with the real helm; without it these tests are skipped locally and fail in CI.

A chart that helm refuses renders nothing, and nothing fulfils almost any assertion: `render` fails then, and
`refusal` fails when helm does not refuse.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

# With importmode=importlib nothing puts this directory on the path.
sys.path.insert(0, str(Path(__file__).parent))

from alert_rules import groups, promtool  # noqa: F401  (fixtures)

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "sluice"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/sse_queue"
GIVEN = (
    "--set",
    "producer.userAgent=Test/1.0 (test@sluice.example)",
    "--set",
    f"queue.url={QUEUE}",
)
APIS = ("--api-versions", "keda.sh/v1alpha1", "--api-versions", "monitoring.coreos.com/v1")


@dataclass(frozen=True)
class Rendered:
    """The objects that `helm template` made; at least one."""

    objects: list[dict[str, Any]]

    def one(self, kind: str, ending: str = "") -> dict[str, Any]:
        """The single object of that kind whose name ends so."""
        found = self.all(kind, ending)
        assert len(found) == 1, f"{len(found)} objects of kind {kind} *{ending}"
        return found[0]

    def all(self, kind: str, ending: str = "") -> list[dict[str, Any]]:
        return [
            o for o in self.objects if o["kind"] == kind and o["metadata"]["name"].endswith(ending)
        ]

    def environment(self, ending: str) -> dict[str, Any]:
        """Name → value (or valueFrom) of the first container of one Deployment."""
        container = self.one("Deployment", ending)["spec"]["template"]["spec"]["containers"][0]
        return {e["name"]: e.get("value", e.get("valueFrom")) for e in container["env"]}


class Loader(yaml.CSafeLoader):
    """The C loader: PyYAML's own takes longer for the chart's objects than helm does. A key that stands twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        made = super().construct_mapping(node, deep=deep)
        assert len(made) == len(node.value), f"a key stands twice{node.start_mark}"
        return made


Render = Callable[..., Rendered]
Refusal = Callable[..., str]

HELM_MISSING = "helm is missing (https://helm.sh/docs/intro/install/)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without helm, one skipped test stands for all that need it."""
    if shutil.which("helm") or os.environ.get("CI"):
        return
    needing = [item for item in items if "helm" in getattr(item, "fixturenames", ())]
    if needing:
        reason = f"all {len(needing)} tests of the chart that need helm: {HELM_MISSING}"
        needing[0].add_marker(pytest.mark.skip(reason=reason))
        items[:] = [item for item in items if item not in needing[1:]]
        config.hook.pytest_deselected(items=needing[1:])


@pytest.fixture(scope="session")
def helm() -> str:
    path = shutil.which("helm")
    if path is None:
        pytest.fail(HELM_MISSING)
    return path


@pytest.fixture(scope="session")
def template(helm: str) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """`helm template` with these arguments and, by default, what users must give; the same are rendered once."""

    @cache
    def run(
        *arguments: str,
        given: bool = True,
        apis: tuple[str, ...] = APIS,
        release: str = "rel",
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [helm, "template", release, str(CHART), *(GIVEN if given else ()), *apis, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def render(template: Callable[..., "subprocess.CompletedProcess[str]"]) -> Render:
    """`render("--set", "a=b", given=False)`: what the chart makes of these values."""

    def run(*arguments: str, **options: Any) -> Rendered:
        done = template(*arguments, **options)
        assert done.returncode == 0, f"helm refused: {done.stderr}"
        objects = [o for o in yaml.load_all(done.stdout, Loader=Loader) if o]
        assert objects, "helm rendered nothing"
        return Rendered(objects)

    return run


@pytest.fixture(scope="session")
def refusal(template: Callable[..., "subprocess.CompletedProcess[str]"]) -> Refusal:
    """`refusal("--set", "a=b")`: the message with which the chart refuses these values."""

    def run(*arguments: str, **options: Any) -> str:
        done = template(*arguments, **options)
        assert done.returncode != 0, "helm did not refuse"
        assert done.stdout == "", "helm refused, and rendered all the same"
        return done.stderr

    return run


@pytest.fixture(scope="session")
def kind_values() -> tuple[str, ...]:
    return ("-f", str(CHART / "values-kind.yaml"))


@pytest.fixture(scope="session")
def production_values() -> tuple[str, ...]:
    """With what an EKS cluster and AWS want to be told."""
    role = "arn:aws:iam::123456789012:role/sluice-batcher"
    return (
        *("-f", str(CHART / "values-production.yaml")),
        *("--set", "image.registry=registry.example/acme", "--set", "bucket.name=acme-lake"),
        *("--set", f"batcher.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn={role}"),
    )


@pytest.fixture(scope="session")
def everything_values() -> tuple[str, ...]:
    return ("-f", str(ROOT / "tests" / "chart" / "values-everything.yaml"), "--set", "queue.url=")
