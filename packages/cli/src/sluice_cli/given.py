"""What the source gave, from a file: events, plain ids, the SSE server's ledger or the producer's.

A line at a time, each told by its look, so that the kinds may even be mixed:
- `{"id": …, "state": …}` (and nothing but `n` beside): a ledger's; state `filtered` or `canary` need not arrive
- any other JSON object or array, or what only begins like one: an event; its id is that of its row
- anything else: an id

A ledger whose writer was killed may end a line early and go on in it: the later entry still counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute
from sluice_core.account import Array, Chunks, without
from sluice_core.errors import ConfigError
from sluice_core.event_id import digest, is_canary, meta_id

pc: Any = pyarrow.compute
"""The stubs do not know that a kernel takes chunks."""

_LEDGER_FIELDS: Final = {"id", "n", "state"}
_NEED_NOT_ARRIVE: Final = {"filtered", "canary"}
_ENTRY: Final = b'{"id":'
_CHUNK: Final = 100_000


@dataclass
class Given:
    """Ids that a file tells, in its order: all of them, those that need not arrive, and entries cut off."""

    ids: Chunks
    filtered: Chunks
    torn: int = 0

    @classmethod
    def nothing(cls) -> "Given":
        """What an empty file tells."""
        none = _Ids().array()
        return cls(none, none)

    def up_to_last_of(self, other: "Given") -> tuple["Given", int]:
        """What stands up to the last id that `other` knows, too, and how many distinct ids stand after it.

        A source runs ahead of its reader by what the network holds: its ledger's end is not read yet.
        """
        known = pc.indices_nonzero(pc.is_in(self.ids, value_set=other.ids))
        end = known[-1].as_py() + 1 if len(known) else 0
        head, tail = self.ids.slice(0, end), self.ids.slice(end)
        kept = self.filtered.filter(pc.is_in(self.filtered, value_set=head))
        return Given(head, kept, self.torn), len(tail.unique())


def read_given(path: Path) -> Given:
    """Reads such a file; raises ConfigError when that is not possible."""
    ids, needed, torn = _Ids(), bytearray(), 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                for name, must_arrive in _line(line.strip(b"\r\n")):
                    if name is None:
                        torn += 1
                    else:
                        ids.add(name)
                        needed.append(must_arrive)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    return Given(ids.array(), _filtered(ids.array(), needed), torn)


def _filtered(ids: Chunks, needed: bytearray) -> Chunks:
    if 0 not in needed:
        return ids.slice(0, 0)
    # The producer's ledger tells of an event that came twice first as sent, then as filtered: it must arrive.
    must: Any = pc.equal(
        pa.Array.from_buffers(pa.uint8(), len(needed), [None, pa.py_buffer(needed)]), 1
    )
    return without(ids.filter(pc.invert(must)), ids.filter(must))


def _line(line: bytes) -> Iterator[tuple[str | None, bool]]:
    """(id, whether it must arrive) of a line; id None for a ledger's entry that was cut off."""
    if not line.strip():
        return
    if not line.startswith((b"{", b"[", b'"')):
        yield line.strip().decode("utf-8", "replace"), True
        return
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        yield from _damaged(line)
        return
    if isinstance(value, str):
        yield value, True
    elif (
        isinstance(value, dict)
        and "id" in value
        and "state" in value
        and value.keys() <= _LEDGER_FIELDS
    ):
        yield str(value["id"]), value["state"] not in _NEED_NOT_ARRIVE
    else:
        yield meta_id(value) or digest(line), not is_canary(value)


def _damaged(line: bytes) -> Iterator[tuple[str | None, bool]]:
    entry = line.rfind(_ENTRY)
    if entry < 0:
        yield digest(line), True
        return
    yield None, True
    if entry > 0:
        yield from _line(line[entry:])


@dataclass
class _Ids:
    """Ids on their way into Arrow, where they take a third of the room."""

    chunks: list[Array] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.waiting.append(name)
        if len(self.waiting) == _CHUNK:
            self.pack()

    def pack(self) -> None:
        if self.waiting:
            self.chunks.append(_text(self.waiting))
            self.waiting = []

    def array(self) -> Chunks:
        self.pack()
        return pa.chunked_array(self.chunks, pa.large_string())


def _text(names: Iterable[str]) -> Array:
    return pa.array(names, pa.large_string())
