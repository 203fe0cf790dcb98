"""The event ids of all objects, and which objects are not what they should be."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sluice_core.account import Array
from sluice_core.errors import PermanentError
from sluice_core.reader import Part, parts, read_table
from sluice_core.s3 import BucketLike

ROWS_METADATA: Final = "rows"
_READERS: Final = 8


@dataclass(frozen=True)
class Scanned:
    """One object: its ids (a row without one is not among them), its rows, and what is wrong with it."""

    name: str
    size: int
    ids: Array
    rows: int = 0
    fault: str | None = None
    readable: bool = True


def scan(where: str | Path, *, bucket: BucketLike | None, column: str) -> Iterator[Scanned]:
    """All objects under `where`; only `column` is decoded. Raises PermanentError when `where` does not exist."""
    with ThreadPoolExecutor(_READERS, "objects") as readers:
        yield from readers.map(lambda part: _scan(part, column), parts(where, bucket=bucket))


def _scan(part: Part, column: str) -> Scanned:
    try:
        body, metadata = part.load()
        ids = read_table(part.name, body, columns=[column]).column(0)
    except (PermanentError, OSError) as error:
        return Scanned(part.name, part.size, _text([]), fault=str(error), readable=False)
    rows = len(ids)
    names = (
        _text([])
        if ids.type == pa.null()
        else pa.concat_arrays(ids.cast(_TEXT).chunks or [_text([])])
    )
    names = names.filter(pc.not_equal(names, pa.scalar("", _TEXT)))
    return Scanned(
        part.name, part.size, names, rows, _fault(rows, len(names), metadata.get(ROWS_METADATA))
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
