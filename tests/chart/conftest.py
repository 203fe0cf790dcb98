"""Renders the chart with the real helm; without it these tests are skipped on a desk and fail in CI."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    """What `helm template` made: the objects, or the message of its refusal."""

    objects: list[dict[str, Any]]
    error: str

    def one(self, kind: str, ending: str = "") -> dict[str, Any]:
        """The single object of that kind whose name ends so."""
        found = self.all(kind, ending)
        assert len(found) == 1, f"{len(found)} objects of kind {kind} *{ending}; {self.error}"
        return found[0]

    def all(self, kind: str, ending: str = "") -> list[dict[str, Any]]:
        return [
            o for o in self.objects if o["kind"] == kind and o["metadata"]["name"].endswith(ending)
        ]

    def environment(self, ending: str) -> dict[str, Any]:
        """Name → value (or valueFrom) of the container of one Deployment."""
        (container,) = self.one("Deployment", ending)["spec"]["template"]["spec"]["containers"]
        return {e["name"]: e.get("value", e.get("valueFrom")) for e in container["env"]}


Render = Callable[..., Rendered]


@pytest.fixture(scope="session")
def helm() -> str:
    path = shutil.which("helm")
    if path is None:
        reason = "helm is missing (https://helm.sh/docs/intro/install/)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def render(helm: str) -> Render:
    """`render("--set", "a=b", given=False)`: the chart with these arguments and, by default, what users must give."""

    def run(*arguments: str, given: bool = True, apis: tuple[str, ...] = APIS) -> Rendered:
        done = subprocess.run(
            [helm, "template", "rel", str(CHART), *(GIVEN if given else ()), *apis, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        objects = [o for o in yaml.safe_load_all(done.stdout) if o] if done.returncode == 0 else []
        return Rendered(objects, done.stderr)

    return run


@pytest.fixture(scope="session")
def kind_values() -> tuple[str, ...]:
    return ("-f", str(CHART / "values-kind.yaml"))


@pytest.fixture(scope="session")
def production_values() -> tuple[str, ...]:
    return ("-f", str(CHART / "values-production.yaml"))


@pytest.fixture(scope="session")
def everything_values() -> tuple[str, ...]:
    return ("-f", str(ROOT / "tests" / "chart" / "values-everything.yaml"), "--set", "queue.url=")
