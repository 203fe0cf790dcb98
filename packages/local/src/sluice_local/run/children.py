"""The children of a run: how each starts, what is watched about them, and the order in which they stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from sluice_core.errors import SluiceError
from sluice_core.service.stop import Stop

from sluice_local.ports import free_port


class Child:
    """A module that runs as a process of its own; `name` is what people read."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", "sluice_local.die_with_parent", module, *arguments],
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal must reach the run alone: it stops its children in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Sends SIGTERM."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once and collects it. Safe to call at any time."""
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def tail(self, lines: int = 12) -> str:
        """The last lines that it logged."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.strip().splitlines()[-lines:])


_PATIENCE: Final = 40.0
"""Seconds for a service to stop: its own grace period (25 s by default), and some more."""


class ChildDiedError(SluiceError):
    """A child ended by itself, or did not end when told; the message shows its last log lines."""

    def __init__(self, name: str, what: str, tail: str, exit_code: int = 1) -> None:
        super().__init__(f"{name} {what}; its last lines:\n{tail}")
        self.exit_code = exit_code


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The children's environment: ours, with what is `given`."""
    found = {**os.environ, **given, "SLUICE_HTTP_HOST": "127.0.0.1"}
    # A place of an earlier or another pipeline must not steer this one.
    found.pop("SLUICE_CHECKPOINT", None)
    return found


class ForcedError(SluiceError):
    """The second Ctrl-C: leave at once."""


class Children:
    """Starts, watches and stops the children."""

    def __init__(self, logs: Path, environ: Mapping[str, str], stop: Stop) -> None:
        self._logs = logs
        self._environ = environment(environ)
        self._stop = stop
        self._children: dict[str, Child] = {}

    def service(self, name: str, environ: Mapping[str, str]) -> int:
        """Starts `python -m sluice_<name>`; gives the port of its /metrics."""
        port = free_port()
        mine = {**self._environ, **environ, "SLUICE_HTTP_PORT": str(port)}
        log = self._logs / f"{name}.log"
        self._children[name] = Child(name, f"sluice_{name}", [], mine, log)
        return port

    def command(self, name: str, arguments: list[str]) -> None:
        """Starts one of our own commands as a child."""
        log = self._logs / f"{name}.log"
        self._children[name] = Child(name, "sluice_cli.main", arguments, self._environ, log)

    def ended(self, name: str) -> bool:
        """Whether the child ended in order. Raises ChildDiedError when it ended otherwise."""
        child = self._children[name]
        code = child.exit_code
        if code is None:
            return False
        if code != 0:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise ChildDiedError(name, how, child.tail(), 2 if code == 2 else 1)
        return True

    def must_run(self, name: str) -> None:
        """Raises ChildDiedError when it does not."""
        if self.ended(name):
            raise ChildDiedError(name, "ended too early", self._children[name].tail())

    def stop(self, name: str, meanwhile: Callable[[], None]) -> None:
        """Asks the child to stop and waits for it. Raises ChildDiedError or ForcedError."""
        self._children[name].ask_to_stop()
        self.wait(lambda: self.ended(name), _PATIENCE, meanwhile, name)

    def kill(self, name: str) -> None:
        """Ends the child at once, if there is one."""
        if name in self._children:
            self._children.pop(name).kill()

    def kill_all(self) -> None:
        """Ends every child at once."""
        for name in list(self._children):
            self.kill(name)

    def wait(
        self,
        condition: Callable[[], bool],
        seconds: float,
        meanwhile: Callable[[], None],
        name: str,
    ) -> None:
        """Waits for `condition`. Raises ChildDiedError naming `name` after `seconds`, or ForcedError."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self._stop.forced_event.wait(0.25):
                raise ForcedError(
                    "stopped at once: what was under way is not in the files, and there is no account of them"
                )
            if time.monotonic() > deadline:
                tail = self._children[name].tail() if name in self._children else ""
                raise ChildDiedError(name, f"was not done after {seconds:.0f} s", tail)
            meanwhile()
