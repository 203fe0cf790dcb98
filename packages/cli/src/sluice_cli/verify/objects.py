"""The event ids of all objects, and which objects are not what they should be."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import NoColumnError, NotFoundError, PermanentError
from sluice_core.keys import DROPPED_METADATA, ROWS_METADATA, dropped_prefix
from sluice_core.lake.occurrences import Array
from sluice_core.lake.reader import Part, parts, read_table

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
    where: str | Path, *, bucket: BucketLike | None, column: str, may_move: bool = False
) -> Iterator[Scanned]:
    """All objects under `where`; only `column` is decoded. Raises PermanentError when `where` does not exist.

    `may_move`: an object that is gone when it is read has been taken into the table, which is read afterwards.
    """
    with ThreadPoolExecutor(_READERS, "objects") as readers:
        for found in readers.map(
            lambda part: _scan(part, column, may_move=may_move), parts(where, bucket=bucket)
        ):
            if found is not None:
                yield found


def _scan(part: Part, column: str, *, may_move: bool) -> Scanned | None:
    dropped = 0
    try:
        body, metadata = part.load()
        dropped = dropped_rows(metadata)
        ids = read_table(part.name, body, columns=[column]).column(0)
    except NoColumnError as error:
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
        else pa.concat_arrays(ids.cast(_TEXT).chunks or [_text([])])
    )
    names = names.filter(pc.not_equal(names, pa.scalar("", _TEXT)))
    fault = _fault(rows, len(names), metadata.get(ROWS_METADATA))
    return Scanned(part.name, part.size, names, rows, fault, dropped=dropped)


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


def _fault(rows: int, named: int, promised: str | None) -> str | None:
    if promised is not None and promised != str(rows):
        return f"its metadata say {promised[:20]} rows, it holds {rows}"
    if named != rows:
        return f"{rows - named} of its {rows} rows have no event id"
    return None


_TEXT: Final = pa.large_string()


def _text(names: list[str]) -> Array:
    return pa.array(names, _TEXT)
