"""CPU seconds of a child process, all its threads, as the kernel accounted them when it was reaped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """One run: CPU seconds (user + system), wall seconds, peak resident memory in MiB."""

    cpu: float
    wall: float
    memory: float


class BenchmarkError(RuntimeError):
    """A process under measurement failed; the message holds the end of its output."""


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    *,
    done: Callable[[], bool] | None = None,
    timeout: float = 300,
) -> Usage:
    """Runs `command` to its end, or until `done()`, then SIGTERM; raises BenchmarkError when it fails."""
    started = time.monotonic()
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, env={**os.environ, **environ}, stdout=out, stderr=subprocess.STDOUT
        )
    asked = False
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        late = time.monotonic() - started > timeout
        if late:
            os.kill(child.pid, signal.SIGKILL)
        elif done is not None and not asked and done():
            os.kill(child.pid, signal.SIGTERM)
            asked = True
        time.sleep(0.05)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BenchmarkError(
            f"{' '.join(command)}: exit {child.returncode} after {timeout} s at most\n{tail}"
        )
    return Usage(
        usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1024
    )
