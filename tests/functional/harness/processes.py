"""The services as real child processes: start, signal by pid, read their logs, always clean up."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.waiting import PATIENCE, until


class Child:
    """One run of one program; its output goes to a file of its own."""

    def __init__(self, name: str, command: list[str], environ: Mapping[str, str], log: Path):
        self.name = name
        self.url = f"http://127.0.0.1:{environ.get('SLUICE_HTTP_PORT', '0')}"
        self.log = log
        passed = {n: os.environ[n] for n in ("PATH", "LANG", "TZ", "TMPDIR") if n in os.environ}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                env={**passed, "PYTHONUNBUFFERED": "1", "HOME": str(log.parent), **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def output(self) -> str:
        """All that it wrote so far."""
        return self.log.read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """Its JSON log lines; anything else is left out."""
        found = []
        for line in self.output().splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its own pages; (0, "") while it does not listen."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels; 0 while there are none."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            sample, _, value = line.rpartition(" ")
            own, _, inner = sample.partition("{")
            if own == name and all(f'{k}="{v}"' in inner for k, v in labels.items()):
                total += float(value)
        return total

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to this one process."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it stays where it is, its sockets open."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def terminate(self, *, within: float = 30.0) -> int:
        """SIGTERM; its exit code. Fails the test when it takes longer than `within` seconds."""
        self.signal(signal.SIGTERM)
        return self.wait(within=within)

    def wait(self, *, within: float = PATIENCE) -> int:
        """Its exit code, when it ends by itself."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} still runs after {within:.0f} s\n{self.tail()}"
            ) from None

    def said(self, text: str, *, deadline: float = PATIENCE) -> None:
        """Waits until `text` stands in its output."""
        until(
            lambda: text in self.output(),
            f"{text!r} from {self.name}",
            deadline=deadline,
            seen=self.tail,
        )

    def tail(self, lines: int = 25) -> str:
        """The end of its output."""
        return "\n".join(self.output().splitlines()[-lines:])


class Children:
    """Starts children and ends all of them, frozen ones too."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.all: list[Child] = []

    def start(self, name: str, module: str, environ: Mapping[str, str], *args: str) -> Child:
        """`python -m module args…` with exactly these variables."""
        log = self._directory / f"{len(self.all):02d}-{name}.log"
        child = Child(name, [sys.executable, "-m", module, *args], environ, log)
        self.all.append(child)
        return child

    def close(self) -> None:
        """SIGKILL for whatever still runs."""
        for child in self.all:
            if child.alive:
                child.kill()

    def report(self) -> str:
        """The tails of all logs, for a failed test."""
        return "\n".join(
            f"--- {child.log.name} (exit {child.process.poll()})\n{child.tail(15)}"
            for child in self.all[-6:]
        )
