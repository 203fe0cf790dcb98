"""The event ids of all objects, and which objects are not what they should be."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import NoColumnError, NotFoundError, PermanentError
from sluice_core.keys import (
    COLUMNS_METADATA,
    DROPPED_METADATA,
    RAW,
    ROWS_METADATA,
    dropped_prefix,
)
from sluice_core.lake.arrow import Array
from sluice_core.lake.folder import RunFolder
from sluice_core.lake.ids import TEXT
from sluice_core.lake.reader import DataObject, parts, raw_lines, read_table
from sluice_core.wire.event_id import META_ID, digest, find_id
from sluice_core.wire.id_rule import SSE, Rule

_READERS: Final = 8


@dataclass(frozen=True)
class Scanned:
    """One object: its ids (a row without one is not among them), its rows, and what is wrong with it.

    `countable` is False where it has no column of ids. `dropped`: rows that a transform left out of it.
    """

    name: str
    size: int
    ids: Array
    rows: int = 0
    fault: str | None = None
    readable: bool = True
    countable: bool = True
    dropped: int = 0


def scan(
    where: str | Path,
    *,
    bucket: BucketLike | None,
    column: str,
    rule: Rule = META_ID,
    may_move: bool = False,
) -> Iterator[Scanned]:
    """All objects under `where`; only `column` is decoded, in events as they came what `rule` names. Raises PermanentError when `where` does not exist.

    `may_move`: an object that is gone when it is read has been taken into the table, which is read afterwards.
    """
    with ThreadPoolExecutor(_READERS, "objects") as readers:
        for found in readers.map(
            lambda part: _scan(part, column, rule, may_move=may_move), parts(where, bucket=bucket)
        ):
            if found is not None:
                yield found


def _scan(part: DataObject, column: str, rule: Rule, *, may_move: bool) -> Scanned | None:
    dropped = 0
    try:
        body, metadata = part.load()
        dropped = dropped_rows(metadata)
        if metadata.get(COLUMNS_METADATA) == RAW:
            return _raw(part, raw_lines(part.name, body), rule, metadata)
        ids = read_table(part.name, body, columns=[column]).column(0)
    except NoColumnError as error:
        # A file has no metadata: it holds events as they came where one has its id where the rule says.
        if ".jsonl" in part.name.lower() and isinstance(rule, tuple):
            lines = raw_lines(part.name, body)
            if any(find_id(line, rule) for line in lines):
                return _raw(part, lines, rule, {})
        rows = read_table(part.name, body).num_rows
        return Scanned(
            part.name, part.size, _text([]), rows, str(error), countable=False, dropped=dropped
        )
    except (PermanentError, OSError) as error:
        if may_move and isinstance(error, NotFoundError | FileNotFoundError):
            return None
        return Scanned(part.name, part.size, _text([]), fault=str(error), readable=False)
    rows = len(ids)
    names = (
        _text([])
        if ids.type == pa.null()
        else pa.concat_arrays(ids.cast(TEXT).chunks or [_text([])])
    )
    names = names.filter(pc.not_equal(names, pa.scalar("", TEXT)))
    fault = _fault(rows, len(names), metadata.get(ROWS_METADATA))
    return Scanned(part.name, part.size, names, rows, fault, dropped=dropped)


def _raw(
    part: DataObject, lines: Sequence[bytes], rule: Rule, metadata: Mapping[str, str]
) -> Scanned:
    """Events as they came: their ids are where the producer has looked, else the hash of each."""
    if rule == SSE:
        why = "holds events as they came, which do not tell the SSE ids that SLUICE_EVENT_ID=sse asks for"
        return Scanned(part.name, part.size, _text([]), len(lines), why, countable=False)
    path = rule if isinstance(rule, tuple) else ()
    names = [(find_id(line, path) if path else None) or digest(line) for line in lines]
    fault = _fault(len(lines), len(names), metadata.get(ROWS_METADATA))
    return Scanned(part.name, part.size, _text(names), len(lines), fault)


def dropped_rows(metadata: Mapping[str, str]) -> int:
    """Rows that a transform left out on purpose, as an object's metadata tell."""
    text = metadata.get(DROPPED_METADATA, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def dropped_whole(bucket: BucketLike, prefix: str) -> int:
    """Rows of batches of which a transform left nothing: such a batch has no object, only a note."""
    return sum(
        dropped_rows(bucket.head(stored.key).metadata)
        for stored in bucket.list(dropped_prefix(prefix))
    )


def noted_drops(run: RunFolder) -> int:
    """The same of the notes that were copied into the folder of a run."""
    return sum(
        dropped_rows(told)
        for key, told in run.metadata.items()
        if key.startswith(dropped_prefix(""))
    )


def _fault(rows: int, named: int, promised: str | None) -> str | None:
    if promised is not None and promised != str(rows):
        return f"its metadata say {promised[:20]} rows, it holds {rows}"
    if named != rows:
        return f"{rows - named} of its {rows} rows have no event id"
    return None


def _text(names: list[str]) -> Array:
    return pa.array(names, TEXT)
