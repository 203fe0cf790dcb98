"""The services' settings, told by the services themselves; and which of the services an environment is about.

A pod has the variables of one service. What another refuses there is no fault: its own variables are simply elsewhere.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Final

from sluice_cli.check.result import Result, failed, ok, skipped
from sluice_cli.lake.installed import is_installed

_SECONDS: Final = 30.0

Runner = Callable[[str, str], "subprocess.CompletedProcess[str]"]


class Service(StrEnum):
    """A service, by the name of its image and its Deployment."""

    PRODUCER = "producer"
    BATCHER = "batcher"
    COMPACTOR = "compactor"

    @property
    def module(self) -> str:
        """What Python runs."""
        return f"sluice_{self}"


def installed() -> list[Service]:
    """The services that are here; the compactor is optional, and not in every image that has this command."""
    return [service for service in Service if service is not Service.COMPACTOR or is_installed()]


def ask(module: str, option: str) -> "subprocess.CompletedProcess[str]":
    """`python -m <module> <option>` in this environment."""
    return subprocess.run(  # noqa: S603  (our own interpreter and module names)
        [sys.executable, "-m", module, option],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def check_settings(module: str, runner: Runner = ask) -> tuple[Result, Mapping[str, str] | None]:
    """Whether a service starts with these settings; and the effective ones, variable → value."""
    name = f"settings of {module}"
    try:
        done = runner(module, "--print-config")
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


def unless_elsewhere(
    service: Service,
    result: Result,
    among: Sequence[Service],
    environ: Mapping[str, str] = os.environ,
    runner: Runner = ask,
) -> Result:
    """`result`, a failure of `service`: skipped where none of its own variables is set, and another's of `among` are."""
    with ThreadPoolExecutor(len(among)) as pool:
        told = pool.map(lambda one: _variables(one.module, runner), among)
        names = dict(zip(among, told, strict=True))
    given = {name for name, value in environ.items() if value}

    def set_up(one: Service) -> bool:
        own = names[one].difference(*(names[other] for other in among if other is not one))
        return bool(own & given)

    others = [str(one) for one in among if one is not service and set_up(one)]
    if not names[service] or set_up(service) or not others:
        return result
    return skipped(
        result.name,
        f"these are the settings of the {' and the '.join(others)}; --service {service} looks at it all the same",
    )


def _variables(module: str, runner: Runner) -> frozenset[str]:
    """The names of a service's settings; none when it cannot be asked."""
    try:
        done = runner(module, "--print-variables")
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(done.stdout.split() if done.returncode == 0 else ())
