"""What `sluice run` was asked for."""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sluice_core.version import __version__

BUILT_IN: Final = "built-in"
WIKIMEDIA: Final = "https://stream.wikimedia.org/v2/stream/recentchange"


@dataclass(frozen=True)
class RunOptions:
    """Options of a run.

    `source`: None for Wikimedia with the built-in source as fallback, "built-in", or a URL. `rate` in
    events a second (0: as fast as it goes), `duration` in seconds. `events`: stop after so many.
    """

    source: str | None
    format: str | None
    columns: str | None
    rows: int | None
    rate: float
    events: int | None
    duration: float | None
    seed: int
    data: Path

    def batcher_environ(self) -> dict[str, str]:
        """The options that are the batcher's settings."""
        given = {
            # A stop waits for the outstanding poll; on loopback a short one costs nothing.
            "SLUICE_RECEIVE_WAIT": None if "SLUICE_RECEIVE_WAIT" in os.environ else "1",
            "SLUICE_FORMAT": self.format,
            "SLUICE_COLUMNS": self.columns,
            "SLUICE_BATCH_MAX_ROWS": None if self.rows is None else str(self.rows),
        }
        return {name: value for name, value in given.items() if value is not None}


def user_agent(environ: Mapping[str, str] = os.environ) -> str:
    """SLUICE_USER_AGENT, or one with who runs this: Wikimedia's policy asks for a contact."""
    given = environ.get("SLUICE_USER_AGENT")
    if given:
        return given
    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = "unknown"
    agent = f"sluice/{__version__} ({who}@{socket.gethostname()})"
    return agent.encode("ascii", "replace").decode()
