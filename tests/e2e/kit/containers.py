"""Containers beside the cluster: the docker command, and LocalStack with the chart's own hooks."""

from typing import Any

from kit.cluster import command
from kit.release import CHART
from kit.waiting import until

LOCALSTACK = "localstack/localstack:4.14.0"
_MADE = {"REGION": "us-east-1", "QUEUE": "sse_queue", "DLQ": "sse_queue_dlq", "BUCKET": "sse-bucket",
         "VISIBILITY_TIMEOUT": "30", "MAX_RECEIVE_COUNT": "1000"}  # fmt: skip


def docker(*arguments: str, **options: Any) -> str:
    """What `docker …` prints."""
    return command("docker", *arguments, **options).stdout.strip()


def environment(settings: dict[str, str]) -> list[str]:
    """These variables as docker takes them."""
    return [part for key, value in settings.items() for part in ("-e", f"{key}={value}")]


def start_localstack(name: str, *flags: str, **environ: str) -> None:
    """LocalStack, with the hook that makes queue and bucket."""
    settings = {"SERVICES": "sqs,s3", "SQS_ENDPOINT_STRATEGY": "off", **environ}
    settings |= {f"SLUICE_INIT_{key}": value for key, value in _MADE.items()}
    docker("create", "--name", name, *flags, *environment(settings), LOCALSTACK)
    docker("start", name)
    docker("exec", name, "mkdir", "-p", "/etc/localstack/init/ready.d")
    hook = f"{name}:/etc/localstack/init/ready.d/10-sluice.py"
    docker("cp", str(CHART / "files" / "localstack_init.py"), hook)


def wait_for_localstack(name: str, *, deadline: float) -> None:
    """Waits until queue and bucket are there: the hook makes the bucket last."""
    look = f"import urllib.request as r; r.urlopen('http://127.0.0.1:4566/{_MADE['BUCKET']}?max-keys=1')"
    ready = ["docker", "exec", name, "python3", "-c", look]
    until(lambda: command(*ready, check=False).returncode == 0, "LocalStack", deadline=deadline)
