"""How often each id occurs, in one column of numbers for each place where ids stand."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    Array = pa.Array[Any]
    Chunks = pa.ChunkedArray[Any]
else:  # generic in the stubs only
    Array, Chunks = pa.Array, pa.ChunkedArray

Ids = Iterable[str] | Array | Chunks
"""Ids as text; the same id may stand there many times."""

Counts = NDArray[np.int32]
"""A number for each distinct id, in the order of `Universe.ids`."""

_CHUNK: Final = 100_000
_TEXT: Final = pa.large_string()


def chunks_of(ids: Ids) -> Chunks:
    """The same ids in Arrow's memory."""
    if isinstance(ids, pa.ChunkedArray):
        return ids if ids.type == _TEXT else ids.cast(_TEXT)
    if isinstance(ids, pa.Array):
        return pa.chunked_array([ids.cast(_TEXT)], _TEXT)
    return pa.chunked_array([pa.array(part, _TEXT) for part in _in_parts(ids)], _TEXT)


def codes_of(parts: Sequence[Chunks]) -> tuple[Array, list[NDArray[np.int32]]]:
    """All distinct ids of `parts`, and for each part the place of each of its ids among them."""
    joined = pa.chunked_array([chunk for part in parts for chunk in part.chunks], _TEXT)
    # All chunks come with one dictionary; to combine them would make, and hash, a second one.
    encoded: Any = joined.dictionary_encode().chunks
    if not encoded:
        return pa.array([], _TEXT), [np.empty(0, np.int32) for _ in parts]
    numbers = np.concatenate([chunk.indices.to_numpy() for chunk in encoded])
    # The hash table of millions of ids is worth giving back before counting begins.
    pa.default_memory_pool().release_unused()
    ends = np.cumsum([len(part) for part in parts])
    return encoded[-1].dictionary, np.split(numbers, ends[:-1])


class Universe:
    """The distinct ids of several places; `codes` holds, for each place, the places of its ids among them."""

    def __init__(self, parts: Sequence[Chunks]) -> None:
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
