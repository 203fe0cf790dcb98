"""A compactor as a process of its own that a test leads step by step, and ends where it wants.

Processes are forked from a server that has imported everything: an interpreter's start would take longer than the
pass that is to be killed. Each has made nothing yet when it is forked, so that nothing is shared.
"""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from harness.waiting import PATIENCE

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["sluice_compactor.app", "sluice_compactor.lake", "sluice_core.service.logs"]
)


class Led:
    """The test's end of such a process. `orders`:

    `die_at` and `nth`: kill itself when that step is reached for the nth time. `timer`: seconds after which the
    kernel kills it. `meet`: a step at which, once a pass, it says so and waits. `loose`: without the strict commit
    and without the look at the parent.
    """

    def __init__(self, environ: Mapping[str, str], log: Path, **orders: Any) -> None:
        self._log = log
        self._ours, theirs = _context.Pipe()
        self.process = _context.Process(
            target=_led, args=(theirs, dict(environ), str(log), orders), daemon=True
        )
        self.process.start()
        theirs.close()
        assert self.tell() == {"ready": True}, self.log()

    def say(self) -> None:
        """Lets it go on: to the next pass, or from where it waits."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._ours.send("go")

    def tell(self) -> dict[str, Any] | None:
        """The next thing that it tells; None when it has ended."""
        try:
            assert self._ours.poll(PATIENCE * 2), f"it says nothing:\n{self.log()}"
            found: dict[str, Any] = self._ours.recv()
        except (EOFError, ConnectionResetError):
            return None
        return found

    def close(self) -> int:
        """Lets it end; its exit code (negative for a signal)."""
        self._ours.close()
        self.process.join(PATIENCE)
        code = self.process.exitcode
        assert code is not None, f"it does not end:\n{self.log()}"
        return code

    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text() if self._log.exists() else ""


def _led(us: Connection, environ: dict[str, str], log: str, orders: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)

    from sluice_compactor.app import Service
    from sluice_compactor.catalog import choose
    from sluice_compactor.lake import Lake, quiet_runtime
    from sluice_compactor.settings import CompactorSettings
    from sluice_compactor.write import commit
    from sluice_core.settings import load_settings

    if orders.get("loose"):
        choose.strict = lambda catalog: catalog
        commit._on_top = lambda _table, _base, snapshot_id: snapshot_id
        # PyIceberg waits for as long as a second between its tries: time that shows nothing.
        time.sleep = lambda _seconds: None
    settings = load_settings(CompactorSettings)
    steps: Counter[str] = Counter()
    met = False

    def point(step: str) -> None:
        nonlocal met
        steps[step] += 1
        if step == orders.get("die_at") and steps[step] == orders.get("nth", 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if step == orders.get("meet") and not met:
            met = True
            us.send({"at": step})
            us.recv()

    us.send({"ready": True})
    with contextlib.suppress(EOFError):
        while us.recv():
            met = False
            if "timer" in orders:
                # The default action of SIGALRM ends the process, whatever it is in the middle of.
                signal.setitimer(signal.ITIMER_REAL, orders["timer"])
            service = Service(settings, quiet_runtime(), lambda: Lake.open(settings), point=point)
            report = service.once()
            us.send(
                {
                    "rows_in": report.rows_in,
                    "rows_out": report.rows_out,
                    "lost_races": report.lost_races,
                    "failures": {str(day): why for day, why in report.failures.items()},
                    "set_aside": report.set_aside,
                }
            )
    # As the service ends: pyarrow's threads for S3 are not waited for.
    os._exit(0)
