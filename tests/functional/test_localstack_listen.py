"""The chart's hook for LocalStack: it answers on IPv4 and on IPv6."""

import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from harness.waiting import until
from sluice_local.localstack.install import ensure_environment
from sluice_local.ports import free_port

pytestmark = pytest.mark.functional

HOOK = Path(__file__).resolve().parents[2] / "deploy/helm/sluice/files/localstack_listen.py"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


def answers(host, port):
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/_localstack/init", timeout=5) as answer:
            return answer.read().decode()
    except urllib.error.URLError:
        return ""


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_localstack_answers_on_both(tmp_path):
    hooks = tmp_path / "etc" / "localstack" / "init" / "start.d"
    hooks.mkdir(parents=True)
    shutil.copy(HOOK, hooks / "10-sluice.py")
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        # As the chart has it; its own files are below a folder of this test's.
        "GATEWAY_LISTEN": f"0.0.0.0:{port}",
        "FILESYSTEM_ROOT": str(tmp_path),
        "OVERRIDE_IN_DOCKER": "0",
        "SERVICES": "sqs,s3",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
    }
    with (tmp_path / "log").open("wb") as log:
        python = str(ensure_environment(print))
        process = subprocess.Popen(
            [python, "-m", "localstack.runtime.main"], env=environ, stdout=log, stderr=log
        )
    try:
        said = until(
            lambda: answers("127.0.0.1", port),
            "LocalStack",
            deadline=60,
            seen=(tmp_path / "log").read_text,
        )
        assert '"name": "10-sluice.py", "state": "SUCCESSFUL"' in said
        assert answers("[::1]", port)
    finally:
        process.terminate()
        process.wait(30)
