"""Prometheus metrics and health over HTTP.

`/healthz` tells whether the process's loops make progress, never how AWS is: a restart cures a stuck loop
and cannot cure an outage. `/readyz` tells whether it does its work at present, and if not, why.
"""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from sluice_core.service.clock import Clock, SystemClock
from sluice_core.service.listen import HttpServer
from sluice_core.version import __version__


@dataclass
class _Loop:
    max_silence: float
    last_beat: float


@dataclass
class Health:
    """What `/healthz` and `/readyz` answer from; all methods are thread-safe and cheap."""

    clock: Clock = field(default_factory=SystemClock)
    _loops: dict[str, _Loop] = field(default_factory=dict)
    _not_ready: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def register(self, name: str, max_silence: float) -> None:
        """A loop `name` promises a `beat` at least every `max_silence` seconds, outages included."""
        with self._lock:
            self._loops[name] = _Loop(max_silence, self.clock.monotonic())

    def forget(self, name: str) -> None:
        """The loop has ended as it should."""
        with self._lock:
            self._loops.pop(name, None)

    def beat(self, name: str) -> None:
        """The loop is alive."""
        loop = self._loops.get(name)
        if loop is not None:
            loop.last_beat = self.clock.monotonic()

    def set_ready(self, name: str, ready: bool, why: str = "") -> None:
        """One precondition of readiness; `why` is shown while it does not hold."""
        with self._lock:
            if ready:
                self._not_ready.pop(name, None)
            else:
                self._not_ready[name] = why

    def stuck(self) -> dict[str, float]:
        """Loop → seconds of silence, for those over their promise."""
        now = self.clock.monotonic()
        with self._lock:
            return {
                name: round(now - loop.last_beat, 1)
                for name, loop in self._loops.items()
                if now - loop.last_beat > loop.max_silence
            }

    def not_ready(self) -> dict[str, str]:
        """Precondition → why it does not hold."""
        with self._lock:
            return dict(self._not_ready)


class TelemetryServer:
    """Serves `/metrics`, `/healthz` and `/readyz` from daemon threads until `close`."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        handler = _handler(registry, health)
        self._server = HttpServer(host, port, handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.2},
            name="http",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()


def serve_http(
    host: str, port: int, registry: CollectorRegistry, health: Health
) -> TelemetryServer:
    """Starts the telemetry server; raises OSError when the address is taken."""
    return TelemetryServer(host, port, registry, health)


def make_registry(component: str) -> CollectorRegistry:
    """A registry of this process's own: its CPU and memory, and `sluice_build_info{component,version} 1`."""
    # A `_created` series for each counter and histogram would double the series and tells what `up` tells.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs has no types
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    Gauge(
        "sluice_build_info",
        "Always 1; its labels tell what runs.",
        ["component", "version"],
        registry=registry,
    ).labels(component, __version__).set(1)
    return registry


def _handler(registry: CollectorRegistry, health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            path = self.path.split("?", 1)[0]
            if path == "/metrics":
                self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif path == "/healthz":
                self._report("stuck", health.stuck())
            elif path == "/readyz":
                self._report(
                    "not_ready", health.not_ready() | dict.fromkeys(health.stuck(), "stuck")
                )
            else:
                self._answer(404, b"see /metrics, /healthz, /readyz\n", "text/plain")

        def _report(self, key: str, problems: object) -> None:
            body = json.dumps({"ok": not problems, key: problems}).encode()
            self._answer(503 if problems else 200, body, "application/json")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
            """A scrape every few seconds is not worth a line."""

    return Handler
