"""A port of a pod on this machine, by `kubectl port-forward`; made again when it breaks."""

import re
import subprocess
from typing import Self

from kit.cluster import Cluster


class Forward:
    """`target` (such as `deployment/x`) and port of a namespace as `url`; use it as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, target: str, port: int) -> None:
        self._command = [
            "kubectl", "--context", cluster.context, "-n", namespace,
            "port-forward", target, f":{port}", "--address", "127.0.0.1",
        ]  # fmt: skip
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The address; a broken forward is made again first, under another port."""
        if self._process is None or self._process.poll() is not None:
            self.open()
        return self._url

    def open(self) -> None:
        """Starts kubectl and waits until it listens. Raises AssertionError with what it said instead."""
        self.close()
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, f"kubectl port-forward: {line}"
        self._url = f"http://127.0.0.1:{found[1]}"

    def close(self) -> None:
        """Ends kubectl."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
