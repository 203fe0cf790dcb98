"""The cluster under test: the Kubernetes client, and kubectl where it does more."""

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from kit.pod import Pod
from kit.waiting import until

RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")
}
OURS = {"sluice-test": "e2e"}
"""By this label `make e2e` removes what an interrupted run has left."""


class CommandError(AssertionError):
    """A command failed; the message has what it printed."""


def command(
    *arguments: str, check: bool = True, deadline: float = 240, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; raises CommandError when it fails and `check`."""
    done = subprocess.run(
        arguments, capture_output=True, text=True, check=False, timeout=deadline, **options
    )
    if check and done.returncode:
        raise CommandError(
            f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
    return done


@dataclass
class Cluster:
    """One context of the kubeconfig."""

    context: str
    core: client.CoreV1Api = field(init=False)

    def __post_init__(self) -> None:
        self.core = client.CoreV1Api(config.new_client_from_config(context=self.context))

    def kubectl(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """kubectl in this context."""
        return command("kubectl", "--context", self.context, *arguments, **options)

    def make_namespace(self, name: str) -> None:
        """A new namespace that lets only restricted pods in."""
        meta = client.V1ObjectMeta(name=name, labels={**RESTRICTED, **OURS})
        self.core.create_namespace(client.V1Namespace(metadata=meta))

    def drop_namespace(self, name: str, *, wait: bool = True) -> None:
        """Deletes a namespace and waits until it is gone."""
        try:
            self.core.delete_namespace(name)
        except ApiException as error:
            if error.status == 404:
                return
            raise
        if wait:
            until(lambda: not self.has_namespace(name), f"namespace {name} to go", deadline=120)

    def has_namespace(self, name: str) -> bool:
        try:
            self.core.read_namespace(name)
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def read(self, path: str) -> str:
        """What the API server answers to GET; raises ApiException. (kubectl takes 160 ms of the node's CPU to ask.)"""
        answer, *_ = self.core.api_client.call_api(
            path, "GET", auth_settings=["BearerToken"], _preload_content=False, _request_timeout=120
        )
        text: str = answer.data.decode()
        return text

    def look(self, path: str) -> dict[str, Any]:
        """The same, of what is JSON."""
        found: dict[str, Any] = json.loads(self.read(path))
        return found

    def pods(self, namespace: str, **labels: str) -> list[Pod]:
        """Pods with these values of `app.kubernetes.io/<label>`, the youngest last."""
        selector = ",".join(f"app.kubernetes.io/{name}={value}" for name, value in labels.items())
        found = self.look(f"/api/v1/namespaces/{namespace}/pods?labelSelector={quote(selector)}")
        return sorted(map(Pod.of, found["items"]), key=lambda pod: pod.made)

    def get(self, namespace: str, what: str, path: str) -> str:
        """What a pod or service answers: `get(ns, "pods/name:8080", "metrics")`, through the API server."""
        return self.read(f"/api/v1/namespaces/{namespace}/{what}/proxy/{path}")

    def query(self, namespace: str, expression: str) -> dict[str, float]:
        """A Prometheus query's instant vector: its labels as JSON → value."""
        answer = json.loads(
            self.get(
                namespace, "services/prometheus:9090", f"api/v1/query?query={quote(expression)}"
            )
        )
        return {
            json.dumps(item["metric"], sort_keys=True): float(item["value"][1])
            for item in answer["data"]["result"]
        }
