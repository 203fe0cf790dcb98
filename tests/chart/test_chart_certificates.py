"""A private CA: every client in a pod trusts it by the variables that the chart sets, and by nothing else."""

import json
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

CLIENTS = """
import json, sys
import requests
from prometheus_client import CollectorRegistry
from pyiceberg.io.pyarrow import PyArrowFileIO
from sluice_compactor.push import Pusher
from sluice_compactor.store.place import Place
from sluice_core.aws import clients
from sluice_core.service.clock import SystemClock
from sluice_core.settings import CommonSettings, load_settings

url = sys.argv[1]

def ours(client):
    settings = load_settings(CommonSettings, {"AWS_ENDPOINT_URL": url, "SLUICE_AWS_CLIENT": client})
    return Place.in_s3(settings, clients(settings))

def table():
    assert PyArrowFileIO(ours("boto3").io).new_input("s3://sse-bucket/lake/x").exists()

def push():
    why = Pusher(CollectorRegistry(), url, {"job": "x"}, clock=SystemClock()).push()
    assert not why, why

found = {}
for name, call in {
    "libcurl": lambda: ours("libcurl").bucket.put("k", b"x"),
    "boto3": lambda: ours("boto3").bucket.put("k", b"x"),
    "source": lambda: requests.get(url, timeout=10).raise_for_status(),
    "table": table,
    "push": push,
}.items():
    try:
        call()
        found[name] = ""
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
print("found", json.dumps(found))
"""
"""Each client as a pod has it, and how it fared; `""`: it works. A process of its own: OpenSSL reads its variables once."""


class Anything(BaseHTTPRequestHandler):
    """S3, a source and a Pushgateway that find everything and take everything."""

    protocol_version = "HTTP/1.1"

    def do_any(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        for name, value in {
            "ETag": '"e"',
            "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT",
            "Content-Length": "0",
        }.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_any  # noqa: N815 (their names there)

    def log_message(self, format, *args):  # noqa: A002 (its name there)
        """Silent."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that does not trust it is what is asked for."""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(authority):
    """The address of a server whose certificate nothing on this machine trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = Server(("127.0.0.1", 0), Anything)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def fared(url, environ):
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", CLIENTS, url], env={**keys, **environ},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(done.stdout.rpartition("found ")[2])


def test_every_client_trusts_the_bundle(render, authority, secure, tmp_path):
    rendered = render("--set", "compactor.enabled=true,caBundle.secret=corporate")
    pod = rendered.one("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mount = next(m["mountPath"] for m in container["volumeMounts"] if m["name"] == "ca")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    environ = {
        e["name"]: e["value"].replace(mount, str(tmp_path))
        for e in container["env"]
        if e.get("value", "").startswith(mount)
    }
    assert {name: why for name, why in fared(secure, environ).items() if why} == {}


def test_without_it_none_does(secure):
    assert all(fared(secure, {}).values())
