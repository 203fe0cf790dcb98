"""The images where there is no IPv4 at all: one network namespace whose only address is ::1."""

import json
import re
import uuid

import pytest
from kit.cluster import command
from kit.containers import (
    docker,
    environment,
    start_localstack,
    wait_for_localstack,
)
from kit.source import expected
from kit.waiting import until

EVENTS = 1_000
WITHOUT_IPV4 = """
import fcntl, socket, struct
SIOCSIFADDR = 0x8916
request = struct.pack("16sH2s4s8s", b"lo", socket.AF_INET, bytes(2), bytes(4), bytes(8))
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), SIOCSIFADDR, request)
"""
ASK = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
"""


class Namespace:
    """Containers that share one network namespace; all go in the end."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.name = f"sluice-ipv6-{uuid.uuid4().hex[:8]}"
        self.made = [self.name]
        on = [f"--sysctl=net.ipv6.conf.{part}.disable_ipv6=0" for part in ("all", "lo", "default")]
        docker("run", "-d", "--name", self.name, "--network", "none", *on,
                "--entrypoint", "sleep", f"sluice:{tag}", "900")  # fmt: skip

    @property
    def shared(self) -> list[str]:
        """What puts a container into it."""
        return ["--network", f"container:{self.name}"]

    def start(self, part: str, image: str, *arguments: str, **environ: str) -> None:
        """A container that runs."""
        name = f"{self.name}-{part}"
        self.made.append(name)
        docker("run", "-d", "--name", name, *self.shared, *environment(environ), image, *arguments)

    def drop_ipv4(self) -> None:
        """Takes 127.0.0.1 away."""
        docker("run", "--rm", *self.shared, "--user", "0", "--cap-add", "NET_ADMIN",
                "--entrypoint", "python", f"sluice:{self.tag}", "-c", WITHOUT_IPV4)  # fmt: skip

    def get(self, url: str) -> str:
        """What is answered in there; "" where nobody does."""
        return command("docker", "exec", self.name, "python", "-c", ASK, url, check=False).stdout

    def metric(self, port: int, name: str) -> float:
        """The sum of a metric's samples."""
        found = re.findall(
            rf"^{name}(?:{{.*}})? (\S+)$", self.get(f"http://[::1]:{port}/metrics"), re.M
        )
        return sum(map(float, found))

    def close(self) -> None:
        docker("rm", "-f", *reversed(self.made), check=False)


@pytest.fixture
def namespace(tag):
    made = Namespace(tag)
    yield made
    made.close()


@pytest.mark.off_cluster
@pytest.mark.timeout(240)
def test_source_to_rows_where_there_is_no_ipv4(namespace, tag):
    aws = namespace.name + "-aws"
    namespace.made.append(aws)
    start_localstack(
        aws,
        *namespace.shared,
        LOCALSTACK_HOST="[::1]:4566",
        GATEWAY_LISTEN="[::]:4566",
    )
    # LocalStack looks for itself, and its hook for LocalStack, on 127.0.0.1: only then may that go.
    wait_for_localstack(aws, deadline=90)
    namespace.drop_ipv4()
    assert namespace.get("http://127.0.0.1:4566/_localstack/health") == ""
    assert json.loads(namespace.get("http://[::1]:4566/_localstack/health"))["services"]

    namespace.start(
        "source", f"sluice:{tag}", "serve-events", "--host=::", "--port=8000", f"--events={EVENTS}"
    )
    given = {"AWS_ENDPOINT_URL": "http://[::1]:4566", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
             "SLUICE_SOURCE_URL": "http://[::1]:8000/v2/stream/recentchange", "SLUICE_SOURCE_PRESET": "wikimedia",
             "SLUICE_BATCH_MAX_AGE": "2s"}  # fmt: skip
    services = {"producer": 8080, "batcher": 8081}
    for service, port in services.items():
        namespace.start(service, f"sluice-{service}:{tag}", **given, SLUICE_HTTP_PORT=str(port))
    rows = len(expected(EVENTS))
    until(
        lambda: namespace.metric(8081, "sluice_batcher_rows_written_total") >= rows,
        f"{rows} rows", deadline=90, pause=1,
    )  # fmt: skip
    assert namespace.metric(8081, "sluice_batcher_rows_written_total") == rows
    for port in services.values():
        assert namespace.get(f"http://[::1]:{port}/readyz")
