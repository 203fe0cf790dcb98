"""The images where there is no IPv4 at all: one network namespace whose only address is ::1."""

import json
import re
import uuid

import pytest
from kit.cluster import command
from kit.release import CHART
from kit.source import expected
from kit.waiting import until

LOCALSTACK = "localstack/localstack:4.14.0"
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
        self._made = [self.name]
        on = [f"--sysctl=net.ipv6.conf.{part}.disable_ipv6=0" for part in ("all", "lo", "default")]
        _docker("run", "-d", "--name", self.name, "--network", "none", *on,
                "--entrypoint", "sleep", f"sluice:{tag}", "900")  # fmt: skip

    def create(self, part: str, image: str, *arguments: str, **environ: str) -> str:
        """A container that is not started yet; its name."""
        name = f"{self.name}-{part}"
        self._made.append(name)
        flags = [flag for key, value in environ.items() for flag in ("-e", f"{key}={value}")]
        _docker("create", "--name", name, "--network", f"container:{self.name}", *flags, image, *arguments)  # fmt: skip
        return name

    def start(self, part: str, image: str, *arguments: str, **environ: str) -> str:
        """A container that runs; its name."""
        name = self.create(part, image, *arguments, **environ)
        _docker("start", name)
        return name

    def drop_ipv4(self) -> None:
        """Takes 127.0.0.1 away."""
        _docker("run", "--rm", "--network", f"container:{self.name}", "--user", "0", "--cap-add", "NET_ADMIN",
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
        _docker("rm", "-f", *reversed(self._made), check=False)


def _docker(*arguments: str, **options) -> str:
    return command("docker", *arguments, **options).stdout.strip()


@pytest.fixture
def namespace(tag):
    made = Namespace(tag)
    yield made
    made.close()


@pytest.mark.timeout(240)
def test_source_to_rows_where_there_is_no_ipv4(namespace, tag):
    settings = {"REGION": "us-east-1", "QUEUE": "sse_queue", "DLQ": "sse_queue_dlq", "BUCKET": "sse-bucket",
                "VISIBILITY_TIMEOUT": "30", "MAX_RECEIVE_COUNT": "1000"}  # fmt: skip
    aws = namespace.create(
        "aws", LOCALSTACK, SERVICES="sqs,s3", SQS_ENDPOINT_STRATEGY="off",
        LOCALSTACK_HOST="[::1]:4566", GATEWAY_LISTEN="[::]:4566",
        **{f"SLUICE_INIT_{key}": value for key, value in settings.items()},
    )  # fmt: skip
    files = CHART / "files"
    _docker("cp", str(files / "localstack_ready.py"), f"{aws}:/tmp/ready.py")
    _docker("start", aws)
    _docker("exec", aws, "mkdir", "-p", "/etc/localstack/init/ready.d")
    _docker(
        "cp", str(files / "localstack_init.py"), f"{aws}:/etc/localstack/init/ready.d/10-sluice.py"
    )
    # LocalStack looks for itself, and its hook for LocalStack, on 127.0.0.1: only then may that go.
    ready = ["docker", "exec", aws, "python3", "/tmp/ready.py"]
    until(lambda: command(*ready, check=False).returncode == 0, "LocalStack", deadline=90)
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
