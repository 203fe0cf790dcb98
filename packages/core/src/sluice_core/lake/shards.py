"""Ids split into shards by what they are, on disk when they are many: an account of millions needs one at a time.

All occurrences of an id are in one shard, in the order in which they came, each with the numbers that were given
with it. A shard of ten million ids is some 600,000: counting it takes a fraction of the memory of all.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from sluice_core.lake.occurrences import Array, Chunks

SHARDS: Final = 16
_TEXT: Final = pa.large_string()
_MAX_IN_MEMORY: Final = 32 * 2**20
_ID: Final = "id"

Columns = dict[str, NDArray[Any]]


class Shards:
    """Shards of ids with a number in each of `columns` (name → numpy type); they may be added to, and read at any time.

    Some 32 MiB are kept in memory; beyond that they go to a temporary directory, which ends with this object.
    """

    def __init__(self, columns: Mapping[str, Any] | None = None) -> None:
        fields = [
            (name, pa.from_numpy_dtype(np.dtype(kind))) for name, kind in (columns or {}).items()
        ]
        self._schema = pa.schema([(_ID, _TEXT), *fields])
        self._names = [name for name, _ in fields]
        self._held: list[list[Any]] = [[] for _ in range(SHARDS)]
        self._size = self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[tuple[Path, list[tuple[int, int]]]] = []

    def __len__(self) -> int:
        """Ids, as often as they were added."""
        return self._count

    def add(self, ids: Array | Chunks, columns: Columns | None = None) -> None:
        """Adds ids (text, none of them null), and as many numbers in each column."""
        numbers = columns or {}
        start = 0
        for chunk in ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids]:
            end = start + len(chunk)
            self._add(chunk, {name: numbers[name][start:end] for name in self._names})
            start = end

    def _add(self, ids: Array, columns: Columns) -> None:
        text: Any = ids.cast(_TEXT)
        if not len(text):
            return
        places = _shard_of(text)
        order: Any = pa.array(np.argsort(places, kind="stable"))
        batch = pa.record_batch(
            [text, *(pa.array(columns[name]) for name in self._names)], schema=self._schema
        ).take(order)
        ends = np.cumsum(np.bincount(places, minlength=SHARDS))
        for shard, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            if end > begin:
                self._held[shard].append(batch.slice(int(begin), int(end - begin)))
        self._count += len(text)
        self._size += batch.nbytes
        if self._size > _MAX_IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="sluice-")
        path = Path(self._folder.name) / f"{len(self._files)}.arrow"
        places = 0
        ranges: list[tuple[int, int]] = []
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, self._schema) as writer:
            for held in self._held:
                before = places
                if held:
                    # Few batches a shard: all of them are read at once.
                    for batch in pa.Table.from_batches(held).combine_chunks().to_batches():
                        writer.write_batch(batch)
                        places += 1
                held.clear()
                ranges.append((before, places))
        self._files.append((path, ranges))
        self._size = 0

    def shard(self, number: int) -> tuple[Chunks, Columns]:
        """The ids of one shard, and their numbers."""
        batches = []
        for path, ranges in self._files:
            begin, end = ranges[number]
            with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
                batches += [reader.get_batch(index) for index in range(begin, end)]
        table = pa.Table.from_batches([*batches, *self._held[number]], schema=self._schema)
        return table.column(0), {
            name: table.column(index + 1).to_numpy() for index, name in enumerate(self._names)
        }


def shards_of(ids: Chunks) -> Shards:
    """Ids that are in memory, in shards."""
    found = Shards()
    found.add(ids)
    return found


def split(names: Sequence[str]) -> list[list[str]]:
    """Names, by the shard in which they would be."""
    parts: list[list[str]] = [[] for _ in range(SHARDS)]
    if names:
        for name, place in zip(names, _shard_of(pa.array(names, _TEXT)), strict=True):
            parts[place].append(name)
    return parts


def _shard_of(ids: Any) -> NDArray[np.int64]:
    """A shard for each id: the sum of its bytes, which spreads UUIDs, hashes and counters alike."""
    _, offsets, data = ids.buffers()
    first = ids.offset
    ends = np.frombuffer(offsets, np.int64)[first : first + len(ids) + 1]
    letters = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]]
    sums = np.concatenate([[0], np.cumsum(letters, dtype=np.int64)])
    at = ends - ends[0]
    places: NDArray[np.int64] = (sums[at[1:]] - sums[at[:-1]]) % SHARDS
    return places
