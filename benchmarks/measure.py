"""One run: a contender against the stub, each on a core of its own; CPU from the open gate to the last message."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from contenders import Case
from data import PACK
from verify import check

HERE: Final = Path(__file__).resolve().parent
_PATIENCE: Final = 600.0
_POLL: Final = 0.02


class FailedRunError(Exception):
    """A contender ended, or did not end; the message holds the end of what it said."""


@dataclass(frozen=True)
class Run:
    """What one run cost. CPU and wall in seconds, memory in MiB (peak, of all processes), the rest as counted."""

    case: str
    job: str
    contender: str
    events: int
    cpu: float
    wall: float
    stub_cpu: float
    memory: float
    start_cpu: float
    start_wall: float
    requests: dict[str, int]
    megabytes: float
    processes: int = 1

    @property
    def microseconds(self) -> float:
        """Of CPU, an event."""
        return self.cpu / self.events * 1e6


class Stub:
    """The stub's process, and its commands."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    def ask(self, command: str, **given: Any) -> dict[str, int]:
        """One command; see `stub.__main__`."""
        with urllib.request.urlopen(
            f"{self.url}/_stub/{command}?{urlencode(given)}", timeout=300
        ) as answer:
            found: dict[str, int] = json.load(answer)
            return found


@contextmanager
def stub(visibility: float = 120.0) -> Iterator[Stub]:
    """A stub on a free port of loopback, on the last core."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "stub", str(port), "--visibility", str(visibility)]
    child = subprocess.Popen(_pinned(command, _cores()[-1:]), cwd=HERE)
    found = Stub(f"http://127.0.0.1:{port}", child.pid)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                found.ask("stats")
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)
        yield found
    finally:
        child.terminate()
        child.wait()


def measure(
    case: Case,
    against: Stub,
    data: Path,
    folder: Path,
    *,
    processes: int = 1,
    times: int = 1,
    pack: int = PACK,
) -> Run:
    """Runs a case once and checks its output. Raises FailedRunError, or verify.WrongOutputError.

    `times`: the data is loaded so often, for a backlog larger than it; `pack`: events of a pack in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint.json").unlink(missing_ok=True)
    once = case.events // times
    total = -(-once // pack) if case.wire == "packed" else once
    file = data / ("packed" if case.wire == "packed" else "plain")
    against.ask("load", file=file, count=total, kind=case.wire, times=times)
    log = folder / "log"
    with _started(case, against, folder, log, processes) as children:
        start_wall = _wait_for_first(case, against, children, log)
        start_cpu, stub_cpu = _cpu(children), clock(against.pid)
        against.ask("open")
        cpu, memory, wall = _follow(case, against, children, log, total * times)
        stub_cpu = clock(against.pid) - stub_cpu
    # A Bento that lets go of a stream too slowly is killed: its output is what counts.
    odd = [child for child in children if child.returncode not in (0, -signal.SIGTERM)]
    if odd and case.contender != "bento":
        raise FailedRunError(_end_of(log))
    output = folder / "output"
    shutil.rmtree(output, ignore_errors=True)
    counts = against.ask("dump", folder=output)
    check(output, once, sent=case.producer, times=times)
    calls = ("receives", "deletes", "sends", "extends", "puts")
    moved = counts["sent_bytes"] if case.producer else counts["put_bytes"]
    return Run(
        case.name,
        case.job,
        case.contender,
        case.events,
        cpu - start_cpu,
        wall,
        stub_cpu,
        memory,
        start_cpu,
        start_wall,
        {name: counts[name] for name in calls},
        moved / 1e6,
        processes,
    )


Children = list[subprocess.Popen[bytes]]


@contextmanager
def _started(
    case: Case, against: Stub, folder: Path, log: Path, processes: int
) -> Iterator[Children]:
    """The contender's processes; in the end they are told to stop, and have stopped."""
    environ = os.environ | case.environ(against.url, folder)
    command = _pinned(case.command(folder), _cores()[:-1] or _cores())
    with log.open("wb") as out:
        children = [
            subprocess.Popen(command, env=environ, stdout=out, stderr=out) for _ in range(processes)
        ]
    try:
        yield children
    finally:
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in children:
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait_for_first(case: Case, against: Stub, children: Children, log: Path) -> float:
    """Seconds until every process has asked for its first message; half a second later it has settled."""
    born = time.monotonic()
    while against.ask("stats")["readers" if case.producer else "receives"] < len(children):
        _alive(children, log, born)
        time.sleep(_POLL)
    taken = time.monotonic() - born
    time.sleep(0.5)
    return taken


def _follow(
    case: Case, against: Stub, children: Children, log: Path, total: int
) -> tuple[float, float, float]:
    """CPU clock, peak memory and seconds when the last message was deleted, or sent."""
    opened, cpu, memory, wall = time.monotonic(), 0.0, 0.0, 0.0
    while True:
        counts = against.ask("stats")
        if all(child.poll() is not None for child in children):
            return cpu, memory, wall
        cpu, memory = _cpu(children), max(memory, _peak(children))
        wall = time.monotonic() - opened
        if not case.producer and counts["deleted"] >= total:
            return cpu, memory, wall
        if case.contender == "bento" and case.producer and _sent_all(counts["sent"], case):
            return cpu, memory, wall
        _alive([], log, opened)
        time.sleep(_POLL)


def _sent_all(sent: int, case: Case) -> bool:
    return sent >= (case.events if case.output == "plain" else -(-case.events // PACK))


def _alive(children: Children, log: Path, since: float) -> None:
    if any(child.poll() is not None for child in children) or time.monotonic() - since > _PATIENCE:
        raise FailedRunError(_end_of(log))


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def clock(pid: int) -> float:
    """CPU seconds of a process so far; the clock's id is made as clock_getcpuclockid does on Linux."""
    return time.clock_gettime((~pid << 3) | 2)


def _cpu(children: Children) -> float:
    return sum(clock(child.pid) for child in children if child.poll() is None)


def _peak(children: Children) -> float:
    total = 0
    for child in children:
        status = Path(f"/proc/{child.pid}/status").read_text()
        total += sum(
            int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
        )
    return total / 1024


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _pinned(command: list[str], cores: list[int]) -> list[str]:
    return ["taskset", "-c", ",".join(map(str, cores[:1] if len(cores) > 1 else cores)), *command]
