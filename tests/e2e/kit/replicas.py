"""How many pods a Deployment has, over time."""

import threading
import time
from typing import Self

from kit.cluster import Cluster
from kit.waiting import until


class Replicas:
    """Notes every change of a Deployment's number of ready pods; use it as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, deployment: str) -> None:
        self._cluster = cluster
        self._place = (deployment, namespace)
        self._started = time.monotonic()
        self.changes: list[tuple[float, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def now(self) -> int:
        return self.changes[-1][1] if self.changes else -1

    @property
    def most(self) -> int:
        return max((number for _, number in self.changes), default=0)

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def wait_for(self, number: int, *, deadline: float, at_least: bool = False) -> float:
        """Seconds since the start when it has that many pods."""
        until(
            lambda: self.now >= number if at_least else self.now == number,
            f"{number} pods, seen {self.changes}",
            deadline=deadline,
            pause=0.2,
        )
        return self.seconds()

    def __str__(self) -> str:
        return ", ".join(f"{number} at {at:.0f} s" for at, number in self.changes)

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            try:
                status = self._cluster.apps.read_namespaced_deployment_status(*self._place).status
            except Exception:  # noqa: BLE001  (the API server may be busy; the next look comes soon)
                continue
            number = status.ready_replicas or 0
            if number != self.now:
                self.changes.append((self.seconds(), number))
