"""How many pods a Deployment has, over time."""

from kit.cluster import Cluster
from kit.waiting import until
from kit.watch import Watch


class Replicas(Watch):
    """Notes every change of a Deployment's number of ready pods; use it as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, deployment: str) -> None:
        super().__init__(pause=0.3)
        self._cluster = cluster
        self._path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"
        self.changes: list[tuple[float, int]] = []

    @property
    def now(self) -> int:
        return self.changes[-1][1] if self.changes else -1

    @property
    def most(self) -> int:
        return max((number for _, number in self.changes), default=0)

    def wait_for(self, number: int, *, deadline: float, at_least: bool = False) -> float:
        """Seconds since the start when it has that many pods."""
        until(
            lambda: self.now >= number if at_least else self.now == number,
            lambda: f"{number} pods; seen {self}",
            deadline=deadline,
            pause=0.2,
        )
        return self.seconds()

    def __str__(self) -> str:
        return ", ".join(f"{number} at {at:.0f} s" for at, number in self.changes)

    def look(self) -> None:
        number = self._cluster.look(self._path)["status"].get("readyReplicas", 0)
        if number != self.now:
            self.changes.append((self.seconds(), number))
