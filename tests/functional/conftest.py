"""One LocalStack for the session; names of queue and bucket that no two tests share."""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from sluice_local.localstack import EmbeddedLocalStack
from sluice_local.resources import Names, Resources, connect

# With importmode=importlib nothing puts this directory on the path, and `harness` is a package of ours.
sys.path.insert(0, str(Path(__file__).parent))

from harness.fixtures import (
    cloud,
    credentials,
    make_pipeline,
    pytest_runtest_makereport,
)
from harness.monitoring import prometheus, pushgateway

__all__ = [
    "cloud",
    "credentials",
    "make_pipeline",
    "prometheus",
    "pushgateway",
    "pytest_runtest_makereport",
]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def localstack() -> Iterator[EmbeddedLocalStack]:
    """A running LocalStack; its state is gone when a test restarts it, so such a test starts its own."""
    with EmbeddedLocalStack() as running:
        yield running


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The endpoint of a running moto: another stand-in for AWS, with Glue."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def names() -> Names:
    """Names of this test's own."""
    mark = f"{os.getpid()}-{next(_numbers)}"
    return Names(f"queue-{mark}", f"queue-{mark}-dlq", f"bucket-{mark}")


@pytest.fixture
def resources(
    localstack: EmbeddedLocalStack, names: Names, monkeypatch: pytest.MonkeyPatch
) -> Resources:
    """Queue, dead-letter queue and bucket of this test's own in the session's LocalStack."""
    for variable in [*localstack.environ(), "AWS_PROFILE", "AWS_SESSION_TOKEN"]:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in localstack.environ().items():
        monkeypatch.setenv(variable, value)
    return Resources.make(connect(localstack.environ()), names)


@pytest.fixture
def service_environ(localstack: EmbeddedLocalStack, names: Names) -> dict[str, str]:
    """Environment for a service process: this LocalStack, this test's names, a free loopback port."""
    return (
        localstack.environ()
        | names.environ()
        | {
            "PATH": os.environ.get("PATH", ""),
            "SLUICE_HTTP_HOST": "127.0.0.1",
            "SLUICE_HTTP_PORT": "0",
        }
    )
