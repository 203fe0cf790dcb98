"""Where the metrics are listened for: IPv4, IPv6, both."""

import socket
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from sluice_core.service import listen
from sluice_core.service.telemetry import Health, serve_http
from sluice_core.settings import CommonSettings, load_settings

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


def answers(host: str, port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture
def serve():
    servers = []

    def start(host):
        servers.append(serve_http(host, 0, CollectorRegistry(), Health()))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("::", {"127.0.0.1", "[::1]"}),
        ("::1", {"[::1]"}),  # what a pod with IPv6 only has
        ("127.0.0.1", {"127.0.0.1"}),
    ],
)
def test_who_reaches_the_listener(serve, host, reached):
    port = serve(host)
    assert {name for name in ("127.0.0.1", "[::1]") if answers(name, port)} == reached


def test_without_ipv6_every_ipv4_address_is_listened_on(serve, monkeypatch):
    monkeypatch.setattr(listen.socket, "has_dualstack_ipv6", lambda: False)
    assert answers("127.0.0.1", serve("::"))


def test_by_default_both_are_listened_on():
    assert load_settings(CommonSettings, {}).http_host == listen.ANY
