"""Every pod's log, followed from its start to its end: a pod that is gone has told what it did."""

import subprocess
import threading
from pathlib import Path
from typing import Self

from kit.cluster import Cluster


class Logs:
    """Follows all pods of a namespace into `directory`, one file a container's life."""

    def __init__(self, cluster: Cluster, namespace: str, directory: Path) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._directory = directory
        self._following: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for process in self._following.values():
            process.terminate()
            process.wait()

    def read(self, part: str) -> dict[str, str]:
        """File name → text, of the pods whose name contains `part`."""
        return {
            path.name: path.read_text() for path in sorted(self._directory.glob(f"*{part}*.log"))
        }

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            try:
                pods = self._cluster.pods(self._namespace)
            except Exception:  # noqa: BLE001  (the API server may be busy; the next look comes soon)
                continue
            for pod in pods:
                for container in pod.containers:
                    life = (pod.name, container.restarts)
                    if life not in self._following and container.state != "waiting":
                        self._follow(*life)

    def _follow(self, pod: str, restart: int) -> None:
        with (self._directory / f"{pod}.{restart}.log").open("wb") as file:
            self._following[pod, restart] = subprocess.Popen(
                [
                    "kubectl",
                    "--context",
                    self._cluster.context,
                    "-n",
                    self._namespace,
                    "logs",
                    "-f",
                    pod,
                ],
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
