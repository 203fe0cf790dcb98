"""What a Deployment, its autoscaler and its pods went through, and when: from Kubernetes' own fields."""

import time
from dataclasses import dataclass

from kit.cluster import Cluster
from kit.pod import Pod
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
        place, name = f"namespaces/{self._namespace}", self._deployment
        deployment = self._cluster.look(f"/apis/apps/v1/{place}/deployments/{name}")
        seen = {("wanted", ""): deployment["spec"]["replicas"]}
        scalers = self._cluster.look(f"/apis/autoscaling/v2/{place}/horizontalpodautoscalers")
        for scaler in scalers["items"]:
            if scaler["spec"]["scaleTargetRef"]["name"] == name:
                seen["autoscaler", ""] = scaler["status"].get("desiredReplicas", 0)
        for pod in self._cluster.pods(self._namespace):
            if pod.name.startswith(f"{name}-") and not pod.leaving:
                seen |= {(what, pod.name): 1 for what in _reached(pod)}
        return seen


def _reached(pod: Pod) -> list[str]:
    """How far a pod has come, in order."""
    reached = ["created"]
    if "PodScheduled" in pod.conditions:
        reached.append("scheduled")
    if pod.containers and all(container.state == "running" for container in pod.containers):
        reached.append("running")
    if pod.containers and all(container.started for container in pod.containers):
        reached.append("started")  # the startup probe has passed
    if pod.ready:
        reached.append("ready")
    return reached
