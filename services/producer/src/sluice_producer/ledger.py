"""The ledger: what became of each event, for `sluice verify`. One JSON object a line: `{"id", "state"}`.

Written after SQS's (or the dead-letter queue's) acceptance and before the checkpoint that covers it: after a
crash the ledger may tell of an event twice, never not at all.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import msgspec
from sluice_core.errors import PermanentError

from sluice_producer.acks import DEAD, Unit


class Ledger(Protocol):
    """Where finished units are written down."""

    def write(self, units: Sequence[Unit]) -> None:
        """Appends all events of `units`; raises PermanentError when that cannot be done."""
        ...


class NoLedger:
    """Writes nothing."""

    def write(self, units: Sequence[Unit]) -> None:
        """See `Ledger`."""


class FileLedger:
    """Appends to a file, a write for all events of a call."""

    def __init__(self, url: str) -> None:
        self._path = path_of(url)
        self._encode = msgspec.json.Encoder().encode
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise PermanentError(f"cannot open the ledger: {error}; check SLUICE_LEDGER") from error

    def write(self, units: Sequence[Unit]) -> None:
        """See `Ledger`."""
        lines = [
            self._encode(
                {"id": mark.event_id, "state": DEAD if mark.event_id in unit.dead else mark.state}
            )
            for unit in units
            for mark in unit.marks
        ]
        if not lines:
            return
        try:
            self._file.write(b"\n".join(lines) + b"\n")
        except OSError as error:
            raise PermanentError(
                f"cannot write the ledger {self._path}: {error}; free some room"
            ) from error


def path_of(url: str) -> Path:
    """The path that a `file://` URL names."""
    return Path(unquote(urlsplit(url).path))
