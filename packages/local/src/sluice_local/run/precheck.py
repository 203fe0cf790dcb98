"""The services' own word on the run's options, asked before anything is moved, started or made."""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sluice_core.errors import ConfigError

from sluice_local.resources import Names
from sluice_local.run.children import environment
from sluice_local.run.options import BUILT_IN, WIKIMEDIA, RunOptions
from sluice_local.run.source import ChosenSource

_SECONDS: Final = 120.0
_PLACE: Final = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_REGION": "us-east-1",
    "SLUICE_HTTP_PORT": "0",
}
"""Stands for the LocalStack that is not there yet: the settings are read, and nothing is called."""


def check_options(options: RunOptions) -> None:
    """Raises ConfigError with the line of the service that would not start with these options."""
    built_in = options.source in (None, BUILT_IN)
    origin = ChosenSource("", WIKIMEDIA if built_in else str(options.source), built_in=built_in)
    given = {
        "sluice_producer": origin.environ(options),
        "sluice_batcher": options.batcher_environ(),
    }
    with ThreadPoolExecutor(len(given)) as pool:
        for problem in pool.map(_refusal, given, given.values()):
            if problem is not None:
                raise ConfigError(problem)


def _refusal(module: str, environ: Mapping[str, str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - our own modules
            [sys.executable, "-m", module, "--print-config"],
            env={**environment({**_PLACE, **Names().environ()}), **environ},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{module} cannot be asked for its settings: {error}"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"{module} ended with exit code {done.returncode}"
