"""One release of the chart in a namespace of its own, with LocalStack and a source inside."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from kit.cluster import Cluster, command
from kit.forward import Forward
from kit.lake import Lake
from kit.logs import Logs
from kit.pod import Pod
from kit.waiting import until

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy" / "helm" / "sluice"
HERE = ROOT / "tests" / "e2e"
NAME = "sluice"
_FILES = ("-f", str(CHART / "values-kind.yaml"), "-f", str(HERE / "values-e2e.yaml"))


@dataclass
class Release:
    """`files` and `values` of all installations and upgrades; `lake` is its SQS and S3."""

    cluster: Cluster
    namespace: str
    tag: str
    chart: Path | str = CHART
    files: tuple[str, ...] = _FILES
    values: dict[str, Any] = field(default_factory=dict)
    lake: Lake = field(init=False)
    logs: Logs | None = None

    def __post_init__(self) -> None:
        self.lake = Lake(
            Forward(self.cluster, self.namespace, f"deployment/{NAME}-localstack", 4566)
        )

    def helm(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return command(
            "helm",
            *arguments,
            "--kube-context",
            self.cluster.context,
            "-n",
            self.namespace,
            **options,
        )

    def apply(self, *, wait: bool = True, **changes: Any) -> None:
        """Installs or upgrades. Changes stay for later calls: `apply(batcher__batch__maxRows=5)`; None takes one back."""
        for name, value in changes.items():
            self.values[name.replace("__", ".")] = value
        waiting = ["--wait", "--timeout", "120s"] if wait else []
        self.helm(
            "upgrade",
            "--install",
            NAME,
            str(self.chart),
            *self.files,
            "--set-string",
            f"image.tag={self.tag}",
            *self.given,
            *waiting,
        )

    def template(self, file: str, more: str) -> str:
        """What one of the chart's files makes for this release with these settings besides."""
        return self.helm(
            "template", NAME, str(self.chart), *self.files, *self.given, "--set", more,
            "--api-versions", "monitoring.coreos.com/v1", "--api-versions", "keda.sh/v1alpha1",
            "--show-only", file,
        ).stdout  # fmt: skip

    @property
    def given(self) -> list[str]:
        """Its values as helm takes them."""
        given = [
            f"{name}={json.dumps(value)}"
            for name, value in self.values.items()
            if value is not None
        ]
        return [part for setting in given for part in ("--set-json", setting)]

    def pods(self, component: str) -> list[Pod]:
        """Its pods that are not on their way out, the youngest last."""
        found = self.cluster.pods(self.namespace, instance=NAME, component=component)
        return [pod for pod in found if not pod.leaving]

    def ready_pods(self, component: str) -> list[Pod]:
        return [pod for pod in self.pods(component) if pod.ready]

    def wait_ready(self, component: str, number: int = 1, *, deadline: float = 90) -> list[Pod]:
        """Waits until so many pods are ready, and no other is there."""

        def settled() -> bool:
            pods = self.cluster.pods(self.namespace, instance=NAME, component=component)
            return len(pods) == number and all(pod.ready for pod in pods)

        until(settled, f"{number} ready pods of {component}", deadline=deadline)
        return self.pods(component)

    def delete_pod(self, component: str, *, force: bool = False) -> str:
        """`kubectl delete pod` of the oldest one: SIGTERM, or at once with `force`. Its name."""
        name = self.pods(component)[0].name
        flags = ["--grace-period=0", "--force"] if force else []
        self.cluster.kubectl("-n", self.namespace, "delete", "pod", name, "--wait=false", *flags)
        return name

    def task(self, component: str, *verb: str) -> None:
        """What no API offers: `ctr task …` for the container of a pod, on its node (a container of kind's)."""
        pod = self.pods(component)[0]
        name, *flags = verb
        command(
            "docker",
            "exec",
            pod.node,
            "ctr",
            "-n",
            "k8s.io",
            "task",
            name,
            *flags,
            pod.containers[0].id,
        )

    def restarts(self, component: str) -> int:
        """How often the containers of its pods were started again."""
        return sum(pod.restarts for pod in self.pods(component))

    def metrics(self, component: str, *, ready: bool = True) -> dict[str, float]:
        """The sum over its (ready) pods of each metric; a label is summed over, too."""
        total: dict[str, float] = {}
        for pod in self.ready_pods(component) if ready else self.pods(component):
            text = self.cluster.get(self.namespace, f"pods/{pod.name}:8080", "metrics")
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    total[sample.name] = total.get(sample.name, 0.0) + sample.value
        return total

    def objects(self) -> list[str]:
        """Everything in the namespace that belongs to the release, as kind/name."""
        kinds = self.cluster.kubectl(
            "api-resources", "--verbs=list", "--namespaced", "-o", "name"
        ).stdout.split()
        wanted = ",".join(
            kind for kind in kinds if "event" not in kind and "metrics.k8s.io" not in kind
        )
        found = self.cluster.kubectl(
            "-n", self.namespace, "get", wanted, "-o", "name", "--ignore-not-found", check=False
        ).stdout.split()
        shipped = ("configmap/kube-root-ca.crt", "serviceaccount/default")
        return [name for name in found if name not in shipped]

    def close(self) -> None:
        self.lake.forward.close()
