"""`sluice run` as a user starts it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from sluice_core.lake.reader import read_batches

from harness.waiting import until


class Run:
    """One `sluice run` in a directory of its own; what it prints is in `output`."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.data = directory / "data"
        self._log = directory / "output"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "sluice_cli.main",
                    "run",
                    "--data",
                    str(self.data),
                    *arguments,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env={k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))},
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def page(self) -> str:
        """The address of its page, as soon as it has said so."""
        found = until(lambda: re.search(r"http://127\.0\.0\.1:\d+/", self.output), "the page")
        return str(found[0])

    def running(self) -> "Run":
        """Returns when the services were started."""
        until(
            lambda: "running; " in self.output or self.process.poll() is not None,
            "the services are started",
        )
        assert self.process.poll() is None, self.output
        return self

    def ledger(self) -> list[str]:
        path = self.data / "_sluice" / "ledger.ndjson"
        lines = path.read_text().splitlines() if path.exists() else []
        return [e["id"] for e in map(json.loads, lines) if e["state"] == "sent"]

    def finish(self, number: int | None = None) -> int:
        """Sends the signal, if one is given, and waits; gives the exit code."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(240)

    def row_ids(self) -> list[str]:
        frame = read_batches(
            self.data / "events", columns=["event_id"], types={"event_id": "string"}
        )
        return list(frame["event_id"])

    def descendants(self) -> dict[int, str]:
        """pid → command line of each child."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if entry.name.isdigit() and int(fields[1]) == self.process.pid:
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except (OSError, IndexError):
                continue
        return found
