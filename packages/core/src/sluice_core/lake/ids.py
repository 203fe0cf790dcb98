"""Ids in Arrow's memory: how often each occurs, and shards of them, on disk when they are many.

All occurrences of an id are in one shard, in the order in which they came, each with the numbers that were given
with it: an account of millions needs one shard at a time. One of ten million ids has some 600,000, and counting it
takes a fraction of the memory of all.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from sluice_core.lake.arrow import Array, Chunked

Ids = Iterable[str] | Array | Chunked
"""Ids as text; the same id may stand there many times."""

Counts = NDArray[np.int32]
"""A number for each distinct id, in the order of `Universe.ids`."""

_CHUNK: Final = 100_000
TEXT: Final = pa.large_string()
"""The type of ids: those of one column may be more than 2 GiB of text."""


def chunks_of(ids: Ids) -> Chunked:
    """The same ids in Arrow's memory."""
    if isinstance(ids, pa.ChunkedArray):
        return ids if ids.type == TEXT else ids.cast(TEXT)
    if isinstance(ids, pa.Array):
        return pa.chunked_array([ids.cast(TEXT)], TEXT)
    return pa.chunked_array([pa.array(part, TEXT) for part in _in_parts(ids)], TEXT)


def codes_of(parts: Sequence[Chunked]) -> tuple[Array, list[NDArray[np.int32]]]:
    """All distinct ids of `parts`, and for each part the place of each of its ids among them."""
    joined = pa.chunked_array([chunk for part in parts for chunk in part.chunks], TEXT)
    # All chunks come with one dictionary; to combine them would make, and hash, a second one.
    encoded: Any = joined.dictionary_encode().chunks
    if not encoded:
        return pa.array([], TEXT), [np.empty(0, np.int32) for _ in parts]
    numbers = np.concatenate([chunk.indices.to_numpy() for chunk in encoded])
    # The hash table of millions of ids is worth giving back before counting begins.
    pa.default_memory_pool().release_unused()
    ends = np.cumsum([len(part) for part in parts])
    return encoded[-1].dictionary, np.split(numbers, ends[:-1])


class Universe:
    """The distinct ids of several places; `codes` holds, for each place, the places of its ids among them."""

    def __init__(self, parts: Sequence[Chunked]) -> None:
        self.ids, self.codes = codes_of(parts)

    def zeros(self) -> Counts:
        """Nothing of each id."""
        return np.zeros(len(self.ids), np.int32)

    def count(self, codes: NDArray[np.int32]) -> Counts:
        """How often each id stands in `codes`."""
        return np.bincount(codes, minlength=len(self.ids)).astype(np.int32)

    def name(self, counts: Counts, most: int) -> list[str]:
        """The first ids of which there is something."""
        return [str(self.ids[int(at)].as_py()) for at in np.flatnonzero(counts)[:most]]


def _in_parts(ids: Iterable[str]) -> Iterator[list[str]]:
    each = iter(ids)
    while part := list(islice(each, _CHUNK)):
        yield part


SHARDS: Final = 16
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
        self._schema = pa.schema([(_ID, TEXT), *fields])
        self._names = [name for name, _ in fields]
        self._held: list[list[Any]] = [[] for _ in range(SHARDS)]
        self._size = self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[tuple[Path, list[tuple[int, int]]]] = []

    def __len__(self) -> int:
        """Ids, as often as they were added."""
        return self._count

    def add(self, ids: Array | Chunked, columns: Columns | None = None) -> None:
        """Adds ids (text, none of them null), and as many numbers in each column."""
        numbers = columns or {}
        start = 0
        for chunk in ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids]:
            end = start + len(chunk)
            self._add(chunk, {name: numbers[name][start:end] for name in self._names})
            start = end

    def _add(self, ids: Array, columns: Columns) -> None:
        text: Any = ids.cast(TEXT)
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

    def shard(self, number: int) -> tuple[Chunked, Columns]:
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


def shards_of(ids: Chunked) -> Shards:
    """Ids that are in memory, in shards."""
    found = Shards()
    found.add(ids)
    return found


def split(names: Sequence[str]) -> list[list[str]]:
    """Names, by the shard in which they would be."""
    parts: list[list[str]] = [[] for _ in range(SHARDS)]
    if names:
        for name, place in zip(names, _shard_of(pa.array(names, TEXT)), strict=True):
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
