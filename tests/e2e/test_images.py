"""The images by themselves: small, without what they do not need, and ready soon at one CPU."""

import json
import re
import time
import urllib.error
import urllib.request
import uuid

import pytest
from kit.containers import (
    docker,
    environment,
    start_localstack,
    wait_for_localstack,
)
from kit.waiting import until

pytestmark = pytest.mark.off_cluster
BASE = "python:3.13-slim"
SERVICES = ("producer", "batcher", "compactor")
MB = 1_000_000
PRODUCER_MB_OVER_BASE = 90
COMPACTOR_MB_OVER_BATCHER = 120
READY_CPU_SECONDS = 2.0


def inspect(image: str) -> dict:
    return json.loads(docker("image", "inspect", image))[0]


def inside(image: str, code: str) -> str:
    return docker(
        "run",
        "--rm",
        "--network",
        "none",
        "--read-only",
        "--entrypoint",
        "python",
        image,
        "-c",
        code,
    )


def image(component: str, tag: str) -> str:
    return f"sluice-{component}:{tag}"


def test_sizes(tag):
    base = inspect(BASE)["Size"]
    over = {c: (inspect(image(c, tag))["Size"] - base) / MB for c in SERVICES}
    print(
        f"over {BASE} ({base / MB:.0f} MB): {', '.join(f'{c} {mb:.0f} MB' for c, mb in over.items())}"
    )
    assert over["producer"] < PRODUCER_MB_OVER_BASE
    assert over["compactor"] - over["batcher"] < COMPACTOR_MB_OVER_BATCHER


@pytest.mark.parametrize("component", SERVICES)
def test_configuration(tag, component):
    config = inspect(image(component, tag))["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["tini", "--", "python", "-m", f"sluice_{component}"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.title"] == f"sluice-{component}"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_producer_has_no_pandas_and_no_pyarrow(tag):
    code = "import importlib.util as u; print([m for m in ('pandas', 'pyarrow', 'numpy', 'sluice_batcher') if u.find_spec(m)])"
    assert inside(image("producer", tag), code) == "[]"


def test_the_lakes_libraries_are_the_compactors_alone(tag):
    code = "import importlib.util as u; print([m for m in ('pyiceberg', 'sluice_compactor') if u.find_spec(m)])"
    assert inside(image("batcher", tag), code) == "[]"
    assert inside(image("compactor", tag), code) == "['pyiceberg', 'sluice_compactor']"


@pytest.mark.parametrize("component", SERVICES)
def test_everything_is_compiled(tag, component):
    """A module without bytecode would be compiled at each start: a read-only root keeps none."""
    code = (
        f"import sluice_{component}.__main__, sys, os\n"
        "files = [m.__cached__ for m in sys.modules.values() if getattr(m, '__cached__', None)]\n"
        "print(len(files) > 300, [f for f in files if not os.path.exists(f)])"
    )
    assert inside(image(component, tag), code) == "True []"


@pytest.mark.parametrize("component", SERVICES)
def test_a_sigterm_in_the_first_moments_is_not_lost(tag, component):
    """Nobody answers here: whoever misses the signal waits for the queue until he is killed."""
    name = f"sluice-early-{uuid.uuid4().hex[:8]}"
    flags = ["-e", "AWS_ENDPOINT_URL=http://127.0.0.1:9", "-e", "AWS_ACCESS_KEY_ID=test",
             "-e", "AWS_SECRET_ACCESS_KEY=test", "-e", "SLUICE_SOURCE_URL=http://127.0.0.1:9/"]  # fmt: skip
    docker("run", "-d", "--name", name, "--network", "none", "--cpus", "0.1", "--read-only",
           "--tmpfs", "/tmp", *flags, image(component, tag))  # fmt: skip
    try:
        docker("kill", "--signal", "TERM", name)

        def gone() -> bool:
            return not json.loads(docker("inspect", name))[0]["State"]["Running"]

        until(gone, f"the {component} to end", deadline=30)
    finally:
        docker("rm", "-f", name, check=False)


@pytest.fixture
def world(tag):
    """LocalStack with queue and bucket, and a source, on a network of their own; its name."""
    name = f"sluice-images-{uuid.uuid4().hex[:8]}"
    docker("network", "create", name)
    try:
        start_localstack(
            f"{name}-aws", "--network", name, "--network-alias", "aws", LOCALSTACK_HOST="aws:4566"
        )
        docker("run", "-d", "--name", f"{name}-source", "--network", name, "--network-alias", "source",
               f"sluice:{tag}", "serve-events", "--host=0.0.0.0", "--port=8000")  # fmt: skip
        wait_for_localstack(f"{name}-aws", deadline=60)
        yield name
    finally:
        for part in ("aws", "source", "service"):
            docker("rm", "-f", f"{name}-{part}", check=False)
        docker("network", "rm", name, check=False)


@pytest.mark.parametrize("component", ["producer", "batcher"])
def test_ready_soon_and_gone_soon_at_one_cpu(tag, world, component):
    settings = {"AWS_ENDPOINT_URL": "http://aws:4566", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                "SLUICE_SOURCE_URL": "http://source:8000/v2/stream/recentchange", "SLUICE_SOURCE_PRESET": "wikimedia"}  # fmt: skip
    flags = environment(settings)
    name = f"{world}-service"
    docker("create", "--name", name, "--network", world, "--cpus", "1", "--read-only", "--tmpfs", "/tmp",
           "-p", "127.0.0.1:0:8080", *flags, image(component, tag))  # fmt: skip
    started = time.monotonic()
    docker("start", name)
    port = docker("port", name, "8080/tcp").rpartition(":")[2]

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    until(ready, f"the {component} to be ready", deadline=30, pause=0.02)
    took = time.monotonic() - started
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        used = float(re.search(rb"^process_cpu_seconds_total (\S+)", reply.read(), re.MULTILINE)[1])
    started = time.monotonic()
    docker("stop", "-t", "30", name)
    print(
        f"{component}: ready after {took:.2f} s at one CPU with {used:.2f} s of it, stopped after {time.monotonic() - started:.2f} s"
    )
    assert json.loads(docker("inspect", name))[0]["State"]["ExitCode"] == 0
    # Not the time on the clock, which other tests' work stretches.
    assert 0 < used < READY_CPU_SECONDS
