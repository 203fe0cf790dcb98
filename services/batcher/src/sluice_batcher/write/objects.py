"""Messages into objects: rows, partitions, the user's hook, the format; all before the first byte is stored.

So whatever fails here fails before anything is written, and can be taken apart without writing a row twice.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa
from sluice_core.keys import (
    COLUMN_TYPES_METADATA,
    COLUMNS_METADATA,
    DROPPED_METADATA,
    MARKS_METADATA,
    RAW,
    ROWS_METADATA,
    batch_name,
    dropped_key,
    object_key,
)
from sluice_core.lake.arrow import pc
from sluice_core.lake.column_types import letters
from sluice_core.version import __version__
from sluice_core.wire.event_time import MICROS

from sluice_batcher.inflight.held import Held
from sluice_batcher.rows.lines import EVENTS
from sluice_batcher.rows.table import TableMaker
from sluice_batcher.write.formats import Format
from sluice_batcher.write.partition import Partitioner, PartitionRows

if TYPE_CHECKING:  # it imports pandas
    from sluice_batcher.write.transform import Transform

_ID_MAX_CHARS = 256
_MOST_MARKS = 8
"""What an object's metadata may hold in all is 2 KB."""


@dataclass(frozen=True)
class Outgoing:
    """One object to be stored; one without rows is a note of rows that were left out. `seconds`: pairs of (event time in epoch seconds, rows that have it)."""

    key: str
    body: bytes
    content_type: str
    metadata: dict[str, str]
    rows: int
    seconds: list[tuple[int, int]]


@dataclass(frozen=True)
class FailedRow:
    """A row that the hook failed on: its message, its event's place in it, and why."""

    held: Held
    position: int
    why: str


@dataclass
class Made:
    """What messages became."""

    objects: list[Outgoing] = field(default_factory=list)
    failed: list[FailedRow] = field(default_factory=list)
    calls_failed: int = 0
    nulled: int = 0
    dropped: int = 0
    untimed: int = 0


class ObjectMaker:
    """Makes the objects of a batch; changes nothing outside of itself."""

    def __init__(
        self,
        tables: TableMaker,
        partitioner: Partitioner,
        output: Format,
        *,
        prefix: str,
        transform: "Transform | None" = None,
    ) -> None:
        self._tables = tables
        self._partitioner = partitioner
        self._format = output
        self._prefix = prefix
        self._transform = transform

    def make(self, messages: Sequence[Held]) -> Made:
        """One object for each partition that the messages' rows touch, each under a name of its own."""
        rows = self._tables.make(messages)
        made = Made(nulled=rows.nulled, untimed=rows.untimed)
        told = {"packs-sha256": _digest(held.pack_id or held.message_id for held in messages)}
        if marks := [held.mark for held in messages if held.mark]:
            told[MARKS_METADATA] = ",".join(marks[:_MOST_MARKS])
        for part in self._partitioner.split(rows):
            table: pa.Table | None = part.rows.table
            if self._transform is not None:
                table = self._transformed(self._transform, part, messages, made)
            if table is not None and table.num_rows:
                made.objects.append(self._object(part, table, told))
        if made.dropped:
            self._note_dropped(made, told)
        return made

    def _note_dropped(self, made: Made, of_batch: dict[str, str]) -> None:
        """The account must know of rows that the hook left out: one of the batch's objects tells, or a note."""
        told = {DROPPED_METADATA: str(made.dropped)}
        if made.objects:
            made.objects[0].metadata.update(told)
            return
        note = {**told, **of_batch, "sluice-version": __version__}
        made.objects.append(
            Outgoing(dropped_key(self._prefix), b"", "text/plain", note, rows=0, seconds=[])
        )

    def _transformed(
        self, transform: "Transform", part: PartitionRows, messages: Sequence[Held], made: Made
    ) -> pa.Table | None:
        outcome = transform.run(part.rows.table)
        made.calls_failed += outcome.calls_failed
        made.dropped += outcome.dropped
        if outcome.failed:
            origins = [(held, position) for held in messages for position in held.positions]
            for index, why in outcome.failed.items():
                at = index if part.indices is None else part.indices[index].as_py()
                made.failed.append(FailedRow(*origins[at], why))
        return outcome.table

    def _object(self, part: PartitionRows, table: pa.Table, of_batch: dict[str, str]) -> Outgoing:
        seconds = pc.divide(part.rows.times.cast(pa.int64()), pa.scalar(MICROS))
        counts = pc.value_counts(seconds)
        ids = part.rows.ids
        return Outgoing(
            key=object_key(self._prefix, part.path, batch_name(self._format.extension)),
            body=self._format.encode(table),
            content_type=self._format.content_type,
            metadata={
                ROWS_METADATA: str(table.num_rows),
                **_columns(table.schema),
                "first-event-id": _ascii(ids[0]),
                "last-event-id": _ascii(ids[-1]),
                **of_batch,
                "sluice-version": __version__,
            },
            rows=table.num_rows,
            seconds=list(
                zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True)
            ),
        )


def _columns(schema: pa.Schema) -> dict[str, str]:
    """What tells a reader of the object's columns, or that it has none."""
    if schema == EVENTS:
        return {COLUMNS_METADATA: RAW}
    return {COLUMN_TYPES_METADATA: letters(schema)}


def _digest(names: Iterable[str]) -> str:
    """SHA-256 over the batch's pack ids (a plain message: its SQS id), in order, a line each."""
    return hashlib.sha256("\n".join(names).encode("utf-8", "backslashreplace")).hexdigest()


def _ascii(event_id: str) -> str:
    """S3's metadata are HTTP headers: what is not plain ASCII is percent-encoded."""
    return quote(event_id.encode("utf-8", "backslashreplace"), safe="-._~:/@+=")[:_ID_MAX_CHARS]
