"""As much of a cluster's API as helm asks when a chart looks something up."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CORE = {
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "services": "Service",
    "serviceaccounts": "ServiceAccount",
    "pods": "Pod",
}
APPS = {"deployments": "Deployment"}


VERSION = {"groupVersion": "apps/v1", "version": "v1"}
GROUP = {"name": "apps", "versions": [VERSION], "preferredVersion": VERSION}


def _resources(version: str, kinds: dict[str, str]) -> dict[str, Any]:
    verbs = {"verbs": ["get"], "namespaced": True, "singularName": ""}
    listed = [{"name": name, "kind": kind, **verbs} for name, kind in kinds.items()]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": listed}


class KubeApi:
    """`objects`: (resource, name) → the object, in the namespace `default`; None stands for one that may not be read."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, resource: str, name: str, data: dict[str, str], uid: str = "1") -> None:
        """An object as it is stored."""
        self.objects[resource, name] = {
            "apiVersion": "v1",
            "kind": CORE[resource],
            "metadata": {"name": name, "uid": uid},
            "data": data,
        }

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        told: dict[str, dict[str, Any]] = {
            "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.0"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [GROUP]},
            "/api/v1": _resources("v1", CORE),
            "/apis/apps/v1": _resources("apps/v1", APPS),
        }
        if path in told:
            return 200, told[path]
        resource, _, name = path.removeprefix("/api/v1/namespaces/default/").partition("/")
        found = self.objects.get((resource, name), {})
        code = 403 if found is None else 200 if found else 404
        reason = {403: "Forbidden", 404: "NotFound"}.get(code)
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason}
        return code, found or {**status, "code": code, "message": f"{name}: {reason}"}

    def _handler(api) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (self is the handler's)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                code, told = api.answer(self.path.partition("?")[0])
                body = json.dumps(told).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
                """Silent."""

        return Handler
