"""The ledger: what became of each event, for `sluice verify`. One JSON object a line: `{"id", "state", "digest"}`.

Written after SQS's (or the dead-letter queue's) acceptance and before the checkpoint that covers it: after a
crash the ledger may tell of an event twice, never not at all. Each start writes `{"state": "start"}` first, so
that what was sent again after a restart can be told from what the source gave twice. An event that was dropped
because its id was known is told, too (state `repeated`): its digest shows whether it was the same event.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import msgspec
from sluice_core.errors import PermanentError, os_reason
from sluice_core.wire.event_id import short_digest

from sluice_producer.progress.acks import DEAD, REPEATED, AckGroup

START: Final = "start"
"""The state of the line that each start of a producer writes; it has no id."""


class Ledger(Protocol):
    """Where finished groups are written down; `kept`: whether anything is."""

    kept: bool

    def write(self, groups: Sequence[AckGroup]) -> None:
        """Appends all events of `groups`; raises PermanentError when that cannot be done."""
        ...

    def digest(self, event: str) -> str:
        """What the ledger tells of an event's content: see `sluice_core.wire.event_id.short_digest`; or nothing."""
        ...

    def repeated(self, event_id: str, event: str) -> None:
        """Appends that an event was dropped because its id was known; raises as `write` does."""
        ...


class NoLedger:
    """Writes nothing."""

    kept = False

    def write(self, groups: Sequence[AckGroup]) -> None:
        """See `Ledger`."""

    def digest(self, event: str) -> str:
        """Always empty: nobody reads it."""
        return ""

    def repeated(self, event_id: str, event: str) -> None:
        """See `Ledger`."""


class FileLedger:
    """Appends to a file, a write for all events of a call, so that threads do not mix their lines."""

    kept = True

    def __init__(self, url: str) -> None:
        self._path = path_of(url)
        self._encode = msgspec.json.Encoder().encode
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            torn = _ends_early(self._path)
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise PermanentError(
                f"cannot open the ledger {self._path}: {os_reason(error)}; check SLUICE_LEDGER"
            ) from error
        # A writer that was killed may have left half a line; what follows must not be swallowed by it.
        self._append([{"state": START}], before=b"\n" if torn else b"")

    def write(self, groups: Sequence[AckGroup]) -> None:
        """See `Ledger`."""
        self._append(
            [
                {
                    "id": record.event_id,
                    "state": DEAD if record.event_id in group.dead else record.state,
                    "digest": record.digest,
                }
                for group in groups
                for record in group.records
            ]
        )

    def digest(self, event: str) -> str:
        """See `Ledger`."""
        return short_digest(event.encode())

    def repeated(self, event_id: str, event: str) -> None:
        """See `Ledger`."""
        self._append([{"id": event_id, "state": REPEATED, "digest": self.digest(event)}])

    def _append(self, entries: Sequence[dict[str, str]], before: bytes = b"") -> None:
        if not entries:
            return
        try:
            self._file.write(before + b"".join(self._encode(entry) + b"\n" for entry in entries))
        except OSError as error:
            raise PermanentError(
                f"cannot write the ledger {self._path}: {os_reason(error)}; free some room"
            ) from error


def _ends_early(path: Path) -> bool:
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def path_of(url: str) -> Path:
    """The path that a `file://` URL names."""
    return Path(unquote(urlsplit(url).path))
