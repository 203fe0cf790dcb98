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

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import orjson
import pyarrow as pa
from sluice_core.errors import ConfigError
from sluice_core.lake.ids import TEXT
from sluice_core.lake.told import FILTERED, MUST, NO_DIGEST, REPEATED, Telling, Told
from sluice_core.wire.event_id import digest, is_canary, meta_id, short_digest

_LEDGER_FIELDS: Final = {"id", "n", "state", "digest"}
_STATES: Final = {"filtered": FILTERED, "canary": FILTERED, "repeated": REPEATED}
_START: Final = {"state": "start"}
_ENTRY: Final = b'{"id":'
_BLOCK: Final = 8 * 2**20
_NO_PLAIN: Final = (b"{", b"[", b'"')


class _Entry(NamedTuple):
    """A line's event; `name` None for a ledger's entry that was cut off."""

    name: str | None
    state: int = MUST
    digest: int = NO_DIGEST


def read_expected(path: Path) -> Telling:
    """Reads such a file; raises ConfigError when that is not possible."""
    found, run = Telling(), 0
    try:
        with path.open("rb") as file:
            while lines := file.readlines(_BLOCK):
                run = _block(lines, found, run)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    return found


def _block(lines: list[bytes], found: Telling, run: int) -> int:
    """Adds what some lines tell; gives the number of the producer's last start in or before them."""
    columns = _plain(lines, run) or _ledger(lines, run) or _by_look(lines, run)
    found.torn += columns.torn
    if columns.names:
        found.add(
            Told(
                pa.chunked_array([pa.array(columns.names, TEXT)]),
                np.array(columns.states, np.uint8),
                np.array(columns.digests, np.uint64),
                np.array(columns.runs, np.int32),
            )
        )
    return columns.last_run


@dataclass
class _Columns:
    """What lines tell, an entry in each list; entries that were cut off, and the number of the last start."""

    names: list[str]
    states: list[int]
    digests: list[int]
    runs: list[int]
    last_run: int
    torn: int = 0


def _plain(lines: list[bytes], run: int) -> _Columns | None:
    """Lines that are all plain ids."""
    if any(line.startswith(_NO_PLAIN) for line in lines):
        return None
    names = [name.decode("utf-8", "replace") for line in lines if (name := line.strip())]
    nothing = [0] * len(names)
    return _Columns(names, [MUST] * len(names), nothing, [run] * len(names), run)


def _ledger(lines: list[bytes], run: int) -> _Columns | None:
    """Lines that a ledger's writer wrote, each of them whole."""
    try:
        entries = _decode_ledger(b"[" + b",".join(lines) + b"]")
    except msgspec.MsgspecError:
        return None
    if len(entries) != len(lines):
        return None
    found = _Columns([], [], [], [], run)
    for entry in entries:
        if entry.id is not None:
            found.names.append(entry.id)
            found.states.append(_STATES.get(entry.state, MUST))
            found.digests.append(_number(entry.digest))
            found.runs.append(found.last_run)
        elif entry == _START_ENTRY:
            found.last_run += 1
        else:
            return None
    return found


def _by_look(lines: list[bytes], run: int) -> _Columns:
    """Any lines, each told by its look."""
    found = _Columns([], [], [], [], run)
    for line in lines:
        for entry in _line(line.strip(b"\r\n")):
            if entry is None:
                found.last_run += 1
            elif entry.name is None:
                found.torn += 1
            else:
                found.names.append(entry.name)
                found.states.append(entry.state)
                found.digests.append(entry.digest)
                found.runs.append(found.last_run)
    return found


class _LedgerEntry(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A line as a ledger's writer writes it."""

    state: str
    id: str | None = None
    n: int | None = None
    digest: str | None = None


_START_ENTRY: Final = _LedgerEntry("start")
_decode_ledger: Final = msgspec.json.Decoder(list[_LedgerEntry]).decode


def _line(line: bytes) -> Iterator[_Entry | None]:
    """What a line tells; None for a start of the producer."""
    if not line.strip():
        return
    if not line.startswith(_NO_PLAIN):
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
