"""The LocalStack child process: start, wait until it is ready, restart, stop."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sluice_local.localstack.install import ensure_environment
from sluice_local.ports import free_port

SERVICES = ("sqs", "s3")
REGION = "us-east-1"
_LAUNCHER = Path(__file__).with_name("launcher.py")
_READY_STATES = {"running", "available"}
_STOP_SECONDS = 5.0


class LocalStackError(RuntimeError):
    """LocalStack did not become ready or died; the message holds the end of its log."""


class EmbeddedLocalStack:
    """SQS and S3 on a loopback port, in a process group of its own, state in a private directory.

    Use it as a context manager, or call `start` and `stop`. `port` 0 picks a free one, which stays
    the same over `restart`. Nothing survives a restart: queues, messages and buckets are gone.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        ready_timeout: float = 90.0,
        say: Callable[[str], None] | None = None,
        interface: str = "127.0.0.1",
    ) -> None:
        self.port = port
        self._ready_timeout = ready_timeout
        self._say = say
        self._interface = interface
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None

    @property
    def endpoint(self) -> str:
        """The address for AWS_ENDPOINT_URL."""
        return f"http://{self._interface}:{self.port}"

    @property
    def pid(self) -> int:
        """The child's process id. Raises LocalStackError when it does not run."""
        if self._process is None:
            raise LocalStackError("LocalStack is not running")
        return self._process.pid

    @property
    def directory(self) -> Path:
        """Its private directory: state and log. Raises LocalStackError when it does not run."""
        if self._directory is None:
            raise LocalStackError("LocalStack is not running")
        return self._directory

    @property
    def alive(self) -> bool:
        """Whether the process runs (not: whether it answers)."""
        return self._process is not None and self._process.poll() is None

    def environ(self) -> dict[str, str]:
        """Environment variables with which an AWS client reaches this LocalStack."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def start(self, stop: threading.Event | None = None) -> Self:
        """Start and return when SQS and S3 answer; `stop` interrupts the wait.

        Raises LocalStackError (with the log's tail) when the process ends or is not ready in time.
        """
        python = ensure_environment(self._say)
        self.port = self.port or free_port(self._interface)
        self._directory = Path(tempfile.mkdtemp(prefix="sluice-localstack-"))
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [str(python), str(_LAUNCHER), self._interface, str(self._directory)],
                cwd=self._directory,
                env=self._child_environ(self._directory),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(stop or threading.Event())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the process (SIGTERM, then SIGKILL) and remove its directory. Safe to call twice."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def restart(self) -> None:
        """Stop and start again on the same port, empty."""
        self.stop()
        self.start()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of LocalStack's output."""
        if self._directory is None:
            return ""
        text = (self._directory / "log").read_text(errors="replace")
        return "\n".join(text.strip().splitlines()[-lines:])

    def health(self) -> Mapping[str, str]:
        """State per service as LocalStack tells it; empty while it does not answer.

        The page answers 200 whatever the state is, so only its body counts.
        """
        try:
            with urllib.request.urlopen(  # noqa: S310 - a fixed http URL
                f"{self.endpoint}/_localstack/health", timeout=2
            ) as reply:
                services = json.load(reply).get("services")
        except (OSError, ValueError, urllib.error.URLError):
            return {}
        return services if isinstance(services, dict) else {}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_ready(self, stop: threading.Event) -> None:
        deadline = time.monotonic() + self._ready_timeout
        while True:
            if not self.alive:
                code = self._process.returncode if self._process else None
                raise LocalStackError(f"LocalStack ended (exit {code}):\n{self.log_tail()}")
            health = self.health()
            states = {name: health.get(name) for name in SERVICES}
            if all(state in _READY_STATES for state in states.values()):
                return
            if "error" in states.values() or time.monotonic() > deadline:
                raise LocalStackError(
                    f"LocalStack is not ready after {self._ready_timeout:.0f} s: {states}\n"
                    f"{self.log_tail()}"
                )
            if stop.wait(0.1):
                raise LocalStackError("stopped while LocalStack was starting")

    def _child_environ(self, directory: Path) -> dict[str, str]:
        """A short, closed environment: neither the user's AWS settings nor home reach it."""
        own = str(directory)
        passed = {n: os.environ[n] for n in ("PATH", "LANG", "LC_ALL") if n in os.environ}
        address = f"{self._interface}:{self.port}"
        return passed | {
            "SERVICES": ",".join(SERVICES),
            "EAGER_SERVICE_LOADING": "1",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "GATEWAY_LISTEN": address,
            "LOCALSTACK_HOST": address,
            "SQS_ENDPOINT_STRATEGY": "path",
            "SQS_DISABLE_CLOUDWATCH_METRICS": "1",
            "LS_LOG": "warning",
            "FILESYSTEM_ROOT": own,
            "TMPDIR": own,
            "HOME": own,
            "PYTHONUNBUFFERED": "1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        # A process that a fault test froze must wake to receive its SIGTERM.
        for number in (signal.SIGTERM, signal.SIGCONT):
            os.killpg(process.pid, number)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.stdin is not None:
        process.stdin.close()
