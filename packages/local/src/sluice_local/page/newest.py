"""A glance at what has just been written: the last rows of the newest object, some of the dead letters.

In a thread of its own, so that a slow answer holds nothing up, and never more than one small object at a time.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sluice_core.aws.s3 import BucketLike, Stored
from sluice_core.aws.sqs import QueueLike
from sluice_core.deadletter import DeadLetter
from sluice_core.errors import SluiceError
from sluice_core.lake.reader import read_table
from sluice_core.settings.quantities import format_bytes

from sluice_local.page.text import shown

MAX_BYTES: Final = 4 * 2**20
"""A larger object is not fetched: reading 128 MiB to show ten rows would cost more than the pipeline does."""

_ROWS: Final = 6
_COLUMNS: Final = 12
_DEAD_LETTERS: Final = 5


@dataclass(frozen=True)
class Rows:
    """The last rows of the object `key`, as text; `note` says why there are none."""

    key: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    note: str = ""


@dataclass(frozen=True)
class Seen:
    """What was read last. `dead_letters`: reason, detail and the beginning of the body of each."""

    rows: Rows = field(default_factory=Rows)
    dead_letters: Sequence[Mapping[str, str]] = ()


def last_rows(stored: Stored, prefix: str, bucket: BucketLike) -> Rows:
    """The rows of one object; what cannot be read is said in the note."""
    name = stored.key.removeprefix(f"{prefix}/")
    if stored.size > MAX_BYTES:
        return Rows(name, note=f"{format_bytes(stored.size)}: too large to be shown here")
    try:
        table = read_table(name, bucket.get(stored.key).body)
    except SluiceError as error:
        return Rows(name, note=shown(error, 300))
    table = table.slice(max(0, table.num_rows - _ROWS)).select(table.column_names[:_COLUMNS])
    columns = [[shown(value) for value in column.to_pylist()] for column in table.columns]
    newest_first = [list(row) for row in zip(*columns, strict=True)][::-1]
    return Rows(name, [shown(column, 60) for column in table.column_names], newest_first)


def some_dead_letters(queue: QueueLike) -> list[dict[str, str]]:
    """A few of those that are there now. They stay: what is received for 0 seconds is visible again at once."""
    found = map(
        DeadLetter.from_message,
        queue.receive(max_messages=_DEAD_LETTERS, wait_seconds=0, visibility=0),
    )
    return [
        {
            "reason": shown(letter.reason),
            "detail": shown(letter.detail, 300),
            "body": shown(letter.body, 300),
        }
        for letter in found
    ]


class Reader:
    """Reads in the background what `look` points at; `seen` is the newest that it knows. A context manager."""

    def __init__(self, bucket: BucketLike, dlq: QueueLike, prefix: str) -> None:
        self._bucket = bucket
        self._dlq = dlq
        self._prefix = prefix
        self.seen = Seen()
        self._wanted: tuple[Stored | None, int] = (None, 0)
        self._done: tuple[Stored | None, int] = (None, 0)
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="page-rows", daemon=True)

    def look(self, newest: Stored | None, dead_letters: int) -> None:
        """The newest object and the number of dead letters now; what comes before they are read is passed over."""
        with self._changed:
            if self._wanted != (newest, dead_letters):
                self._wanted = (newest, dead_letters)
                self._changed.notify()

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for what was last pointed at: the run's last objects are shown, too."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._wanted != self._done)
                if self._wanted == self._done:
                    return
                before, self._done = self._done, self._wanted
            stored, count = self._done
            rows, dead_letters = self.seen.rows, self.seen.dead_letters
            if stored is not None and stored != before[0]:
                rows = last_rows(stored, self._prefix, self._bucket)
            if count != before[1]:
                try:
                    dead_letters = some_dead_letters(self._dlq)
                except SluiceError as error:
                    note = f"the dead-letter queue cannot be read: {error}"
                    dead_letters = [{"reason": "", "detail": shown(note, 300), "body": ""}]
            self.seen = Seen(rows, dead_letters)
