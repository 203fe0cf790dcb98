"""LocalStack in the cluster: where it listens."""

import runpy
import socket
import sys
from types import ModuleType, SimpleNamespace

import pytest

IPV4 = SimpleNamespace(host="0.0.0.0", port=4566)


def listened_on(hook, monkeypatch, ipv6):
    """Where LocalStack listens after its start hook, on a machine whose sockets of IPv6 are `ipv6`."""
    config, package = ModuleType("localstack.config"), ModuleType("localstack")
    config.GATEWAY_LISTEN = [IPV4]
    config.HostAndPort = lambda host, port: SimpleNamespace(host=host, port=port)
    package.config = config
    monkeypatch.setitem(sys.modules, "localstack", package)
    monkeypatch.setitem(sys.modules, "localstack.config", config)
    monkeypatch.setattr(socket, "socket", ipv6)
    runpy.run_path(str(hook))
    return [(address.host, address.port) for address in config.GATEWAY_LISTEN]


class Socket:
    """One that takes IPv6 `only`, or IPv4 as well."""

    only = 0

    def __init__(self, family):
        assert family == socket.AF_INET6

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def getsockopt(self, level, option):
        assert (level, option) == (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        return self.only


class Only(Socket):
    only = 1


def none(_family):
    raise OSError("Address family not supported by protocol")


@pytest.mark.parametrize(
    ("ipv6", "places"),
    [(Socket, [("::", 4566)]), (Only, [("0.0.0.0", 4566)]), (none, [("0.0.0.0", 4566)])],
)
def test_it_listens_on_ipv6_where_that_takes_ipv4_too(pytestconfig, monkeypatch, ipv6, places):
    hook = pytestconfig.rootpath / "deploy/helm/sluice/files/localstack_listen.py"
    assert listened_on(hook, monkeypatch, ipv6) == places


def test_both_hooks_are_where_localstack_looks_for_them(render, kind_values, pytestconfig):
    rendered = render(*kind_values, given=False)
    template = rendered.one("Deployment", "-localstack")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    files = rendered.one("ConfigMap", "-localstack")["data"]
    mounted = {
        m["mountPath"].removeprefix("/etc/localstack/init/"): files[m["subPath"]]
        for m in container["volumeMounts"]
        if m["name"] == "init"
    }
    chart = pytestconfig.rootpath / "deploy/helm/sluice/files"
    assert {name: text.strip() for name, text in mounted.items()} == {
        "start.d/10-sluice.py": (chart / "localstack_listen.py").read_text().strip(),
        "ready.d/10-sluice.py": (chart / "localstack_init.py").read_text().strip(),
    }
