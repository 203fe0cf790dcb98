"""What a Deployment, its autoscaler and its pods went through, and when: from Kubernetes' own fields."""

import time
from dataclasses import dataclass
from typing import Any

from kit.cluster import Cluster
from kit.waiting import until
from kit.watch import Watch

LOOK = 0.2
"""Seconds between two looks: the timeline is no finer."""


@dataclass(frozen=True)
class Step:
    """`at`: seconds since the start. `pod` is empty for the Deployment and its autoscaler."""

    at: float
    what: str
    number: int = 0
    pod: str = ""


class Timeline(Watch):
    """Notes each change of `spec.replicas`, of what the autoscaler wants, and of each pod; use it as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, deployment: str) -> None:
        super().__init__(pause=LOOK)
        self._cluster, self._namespace, self._deployment = cluster, namespace, deployment
        self._last: dict[str, int] = {}
        self.steps: list[Step] = []

    def restart(self) -> None:
        """Seconds count from now, and what was seen until now is forgotten."""
        self._started = time.monotonic()
        self.steps.clear()

    def numbers(self, what: str) -> list[int]:
        """The numbers that were `wanted` by the Deployment, or by the `autoscaler`, in their order."""
        return [step.number for step in self.steps if step.what == what]

    def first(self, what: str, number: int | None = None) -> float:
        """Seconds until this was seen first (with that number). Raises AssertionError when it was not."""
        found = [s.at for s in self.steps if s.what == what and number in (None, s.number)]
        assert found, f"no {what} {number or ''} in\n{self}"
        return found[0]

    def ready(self, number: int) -> float | None:
        """Seconds until so many pods had become ready, if they have."""
        found = sorted(step.at for step in self.steps if step.what == "ready")
        return found[number - 1] if len(found) >= number else None

    def wait_ready(self, number: int, *, deadline: float) -> float:
        """The same, waited for."""
        until(
            lambda: self.ready(number),
            lambda: f"{number} pods to become ready; seen\n{self}",
            deadline=deadline,
            pause=LOOK,
        )
        found = self.ready(number)
        assert found is not None
        return found

    def __str__(self) -> str:
        return "\n".join(
            f"{step.at:6.1f} s  {step.what} {step.pod or step.number}" for step in self.steps
        )

    def look(self) -> None:
        seen = self._seen()
        at = self.seconds()
        for (what, pod), number in seen.items():
            key = f"{what} {pod}"
            if self._last.get(key) != number:
                self._last[key] = number
                self.steps.append(Step(at, what, number, pod))

    def _seen(self) -> dict[tuple[str, str], int]:
        namespace, name = self._namespace, self._deployment
        scale = self._cluster.apps.read_namespaced_deployment_scale(name, namespace)
        seen = {("wanted", ""): scale.spec.replicas or 0}
        for autoscaler in self._cluster.autoscaling.list_namespaced_horizontal_pod_autoscaler(
            namespace
        ).items:
            if autoscaler.spec.scale_target_ref.name == name:
                seen["autoscaler", ""] = autoscaler.status.desired_replicas or 0
        for pod in self._cluster.core.list_namespaced_pod(namespace).items:
            mine = pod.metadata.name.startswith(f"{name}-")
            if mine and pod.metadata.deletion_timestamp is None:
                seen |= {(what, pod.metadata.name): 1 for what in _reached(pod)}
        return seen


def _reached(pod: Any) -> list[str]:
    """How far a pod has come, in order."""
    conditions = {c.type for c in pod.status.conditions or [] if c.status == "True"}
    containers = pod.status.container_statuses or []
    reached = ["created"]
    if "PodScheduled" in conditions:
        reached.append("scheduled")
    if containers and all(c.state.running for c in containers):
        reached.append("running")
    if containers and all(c.started for c in containers):
        reached.append("started")  # the startup probe has passed
    if "Ready" in conditions:
        reached.append("ready")
    return reached
