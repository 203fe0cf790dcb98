"""The table of a place: a bucket as the settings name it, or a folder. Imported only where it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sluice_compactor.lake import Lake
from sluice_compactor.reading import TableFiles
from sluice_compactor.settings import CompactorSettings
from sluice_core.errors import PermanentError
from sluice_core.lake.ids import TEXT, Shards
from sluice_core.settings import load_settings


@dataclass
class TableRows:
    """The ids of all rows of a table, with what it is made of; `unnamed`: rows without an id. `size` in bytes."""

    ids: Shards = field(default_factory=Shards)
    rows: int = 0
    unnamed: int = 0
    files: int = 0
    size: int = 0


def settings_for(where: str | None) -> CompactorSettings:
    """The environment's, for the bucket and prefix of `where` (`s3://bucket/prefix`) when it is given."""
    settings = load_settings(CompactorSettings)
    if where is None or not where.startswith("s3://"):
        return settings
    bucket, _, prefix = where.removeprefix("s3://").partition("/")
    return settings.model_copy(update={"bucket": bucket, "prefix": prefix.strip("/")})


def table_files(where: str | None, folder: Path | None) -> TableFiles | None:
    """The table's present files; None where there is no table."""
    table = Lake.open(settings_for(where), folder, to_write=False).table()
    return None if table is None else TableFiles.of(table)


def read_ids(where: str | None, folder: Path | None, column: str) -> TableRows | None:
    """All ids of the table; None where there is none. Raises NoColumnError."""
    files = table_files(where, folder)
    if files is None:
        return None
    found = TableRows(files=len(files.tasks), size=files.size)
    for ids in files.column(column):
        named = ids.cast(TEXT).drop_null()
        named = named.filter(pc.not_equal(named, pa.scalar("", TEXT)))
        found.ids.add(named)
        found.rows += len(ids)
        found.unnamed += len(ids) - len(named)
    return found


def read_rows(
    where: str | None, folder: Path | None, columns: Sequence[str] | None, limit: int | None
) -> pa.Table:
    """Rows of the table. Raises PermanentError where there is none, NoColumnError."""
    files = table_files(where, folder)
    if files is None:
        raise PermanentError("there is no table yet: `sluice compact` makes it")
    return files.rows(columns, limit)
