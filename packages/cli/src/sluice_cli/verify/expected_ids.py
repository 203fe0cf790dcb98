"""What the source gave, from a file: events, plain ids, the SSE server's ledger or the producer's.

A line at a time, each told by its look, so that the kinds may even be mixed:
- `{"id": …, "state": …}` (and nothing but `n` and `digest` beside): a ledger's; state `filtered` or `canary` need
  not arrive, `repeated` was dropped because its id was known
- `{"state": "start"}`: the producer was started (again)
- any other JSON object or array, or what only begins like one: an event; its id is that of its row
- anything else: an id

A line is an occurrence: an id that stands there twice must be there twice. A ledger whose writer was killed may
end a line early and go on in it: the later entry still counts.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from sluice_core.errors import ConfigError
from sluice_core.lake.occurrences import Array, Chunks
from sluice_core.lake.told import FILTERED, MUST, NO_DIGEST, REPEATED, Told
from sluice_core.wire.event_id import digest, is_canary, meta_id, short_digest

_LEDGER_FIELDS: Final = {"id", "n", "state", "digest"}
_STATES: Final = {"filtered": FILTERED, "canary": FILTERED, "repeated": REPEATED}
_START: Final = {"state": "start"}
_ENTRY: Final = b'{"id":'
_CHUNK: Final = 100_000


class _Entry(NamedTuple):
    """A line's event; `name` None for a ledger's entry that was cut off."""

    name: str | None
    state: int = MUST
    digest: int = NO_DIGEST


def read_given(path: Path) -> Told:
    """Reads such a file; raises ConfigError when that is not possible."""
    ids, states, digests, runs, torn, run = _Ids(), bytearray(), array("Q"), array("i"), 0, 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                for entry in _line(line.strip(b"\r\n")):
                    if entry is None:
                        run += 1
                    elif entry.name is None:
                        torn += 1
                    else:
                        ids.add(entry.name)
                        states.append(entry.state)
                        digests.append(entry.digest)
                        runs.append(run)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    return Told(
        ids.array(),
        np.frombuffer(states, np.uint8),
        np.frombuffer(digests, np.uint64),
        np.frombuffer(runs, np.int32),
        torn,
    )


def _line(line: bytes) -> Iterator[_Entry | None]:
    """What a line tells; None for a start of the producer."""
    if not line.strip():
        return
    if not line.startswith((b"{", b"[", b'"')):
        yield _Entry(line.strip().decode("utf-8", "replace"))
        return
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        yield from _damaged(line)
        return
    if isinstance(value, str):
        yield _Entry(value)
    elif value == _START:
        yield None
    elif (
        isinstance(value, dict)
        and "id" in value
        and "state" in value
        and value.keys() <= _LEDGER_FIELDS
    ):
        state = _STATES.get(str(value["state"]), MUST)
        yield _Entry(str(value["id"]), state, _number(value.get("digest")))
    else:
        state = FILTERED if is_canary(value) else MUST
        yield _Entry(meta_id(value) or digest(line), state, _number(short_digest(line)))


def _damaged(line: bytes) -> Iterator[_Entry | None]:
    entry = line.rfind(_ENTRY)
    if entry < 0:
        yield _Entry(digest(line), MUST, _number(short_digest(line)))
        return
    yield _Entry(None)
    if entry > 0:
        yield from _line(line[entry:])


def _number(text: object) -> int:
    """A digest as the number that its 16 hexadecimal digits are; a stranger's is none."""
    try:
        return int(text, 16) if isinstance(text, str) and len(text) == 16 else NO_DIGEST
    except ValueError:
        return NO_DIGEST


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
