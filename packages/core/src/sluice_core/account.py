"""What became of every event: stored, duplicated, dead-lettered, pending or lost.

Pure: ids in, numbers out. `sluice verify` and the summary of `sluice run` both count with it. Ids are kept
in Arrow's arrays and hash tables: about 400 bytes an event at the peak, so that millions fit into memory.
Needs the `read` extra (pyarrow).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    Array = pa.Array[Any]
    Chunks = pa.ChunkedArray[Any]
else:  # generic in the stubs only
    Array, Chunks = pa.Array, pa.ChunkedArray

Ids = Iterable[str] | Array | Chunks
"""Ids as text; the same id may stand there many times."""

_CHUNK: Final = 100_000
_TEXT: Final = pa.large_string()


@dataclass(frozen=True)
class Account:
    """The account of one stream; every number counts events except `rows`.

    `source`: distinct ids that the source gave, None when nobody told; `filtered`: those that may be absent
    (canaries, what the producer filtered). `rows`: rows in the objects; `stored`: distinct ids among them.
    `duplicates`: rows beyond the first of their id; `duplicated_ids`: ids that have such rows.
    `dead_lettered`: in the dead-letter queue and not stored. `pending`: still in the main queue only.
    `lost`: given by the source, not filtered, and in none of the three. `unexpected`: in one of the three,
    and not given by the source. `lost` and `unexpected` are None when no source ids are known.
    `samples`: a few ids of each kind, for people.
    """

    source: int | None
    filtered: int
    rows: int
    stored: int
    duplicates: int
    duplicated_ids: int
    dead_lettered: int
    pending: int
    lost: int | None
    unexpected: int | None
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The account as JSON takes it."""
        return asdict(self)


def account(
    *,
    source: Ids | None,
    rows: Ids,
    filtered: Ids = (),
    dead: Iterable[str | Sequence[str]] = (),
    pending: Iterable[str | Sequence[str]] = (),
    samples: int = 5,
) -> Account:
    """The account of `source` (None: unknown) against what was found.

    `filtered`: ids of the source that need not arrive; they are part of `source` or not, as is convenient.
    `dead` and `pending`: one entry an event; where its id is not certain, the candidates, likeliest first:
    the first one that the source knows counts, else the first. `samples`: ids to name of each kind.
    """
    row_ids = _chunks(rows)
    counted: Any = pc.value_counts(row_ids)  # the stubs do not know what comes of chunks
    stored = _chunks(counted.field("values"))
    many = pc.greater(counted.field("counts"), pa.scalar(1, pa.int64()))
    exempt = _chunks(_chunks(filtered).unique())
    given = None if source is None else _distinct(_chunks(source), exempt)
    dead_ids = _resolve(dead, given)
    pending_ids = _resolve(pending, given)
    only_dead = without(dead_ids, stored)
    only_pending = without(without(pending_ids, stored), dead_ids)
    moved = _joined(only_dead, only_pending)
    kinds = {
        "duplicated": counted.field("values").filter(many),
        "dead_lettered": only_dead,
        "pending": only_pending,
    }
    if given is not None:
        kinds["lost"] = without(without(without(given, stored), exempt), moved)
        kinds["unexpected"] = _joined(without(stored, given), without(moved, given))
    return Account(
        source=None if given is None else len(given),
        filtered=len(exempt),
        rows=len(row_ids),
        stored=len(stored),
        duplicates=len(row_ids) - len(stored),
        duplicated_ids=len(kinds["duplicated"]),
        dead_lettered=len(only_dead),
        pending=len(only_pending),
        lost=len(kinds["lost"]) if "lost" in kinds else None,
        unexpected=len(kinds["unexpected"]) if "unexpected" in kinds else None,
        samples={
            n: [str(i) for i in ids.slice(0, samples).to_pylist()] for n, ids in kinds.items()
        },
    )


def without(ids: Ids, others: Ids) -> Chunks:
    """`ids`, in their order and as often as they stand there, less those in `others`."""
    chunks, taken = _chunks(ids), _chunks(others)
    return chunks.filter(pc.invert(pc.is_in(chunks, value_set=taken))) if len(taken) else chunks


def _chunks(ids: Ids) -> Chunks:
    if isinstance(ids, pa.ChunkedArray):
        return ids if ids.type == _TEXT else ids.cast(_TEXT)
    if isinstance(ids, pa.Array):
        return pa.chunked_array([ids.cast(_TEXT)], _TEXT)
    return pa.chunked_array([pa.array(part, _TEXT) for part in _in_parts(ids)], _TEXT)


def _in_parts(ids: Iterable[str]) -> Iterator[list[str]]:
    each = iter(ids)
    while part := list(islice(each, _CHUNK)):
        yield part


def _joined(*ids: Chunks) -> Chunks:
    return pa.chunked_array([chunk for part in ids for chunk in part.chunks], _TEXT)


def _distinct(*ids: Chunks) -> Chunks:
    return _chunks(_joined(*ids).unique())


def _resolve(events: Iterable[str | Sequence[str]], given: Chunks | None) -> Chunks:
    """The distinct ids of events, with the candidates of an uncertain one settled by what the source knows."""
    certain: list[str] = []
    uncertain: list[Sequence[str]] = []
    for event in events:
        if isinstance(event, str):
            certain.append(event)
        elif len(event) == 1:
            certain.append(event[0])
        elif event:
            uncertain.append(event)
    if uncertain:
        known = _known([name for event in uncertain for name in event], given)
        certain += [
            next((name for name in event if name in known), event[0]) for event in uncertain
        ]
    return _chunks(pa.array(certain, _TEXT).unique())


def _known(names: list[str], given: Chunks | None) -> set[str]:
    if given is None:
        return set()
    there = pc.is_in(pa.array(names, _TEXT), value_set=given).to_pylist()
    return {name for name, known in zip(names, there, strict=True) if known}
