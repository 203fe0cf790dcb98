"""The services' settings, told by the services themselves."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Final

from sluice_cli.check.result import Result, failed, ok

SERVICES: Final = ("sluice_producer", "sluice_batcher")
COMPACTOR: Final = "sluice_compactor"
_SECONDS: Final = 30.0

Runner = Callable[[str], "subprocess.CompletedProcess[str]"]


def print_config(module: str) -> "subprocess.CompletedProcess[str]":
    """`python -m <module> --print-config` in this environment."""
    return subprocess.run(  # noqa: S603  (our own interpreter and module names)
        [sys.executable, "-m", module, "--print-config"],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def check_settings(
    module: str, runner: Runner = print_config
) -> tuple[Result, Mapping[str, str] | None]:
    """Whether a service starts with these settings; and the effective ones, variable → value."""
    name = f"settings of {module}"
    try:
        done = runner(module)
    except (OSError, subprocess.TimeoutExpired) as error:
        return failed(name, f"it cannot be asked: {error}", "does this Python work?"), None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        detail = lines[-1].removeprefix(f"{module}: ") if lines else f"exit {done.returncode}"
        missing = "No module named" in detail
        advice = "install it beside `sluice`" if missing else "set the variable as the rule says"
        return failed(name, detail, advice), None
    values = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return ok(name, f"{len(values)} settings fit together"), values
