"""Rows that must go and stay gone: their ids are remembered as hashes before they are taken out.

In this order, so that a compactor that reads the table after the rows are gone finds their ids among the forgotten;
one that has read it before loses the race for the commit, or was faster, and then it is this that starts over.
"""

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import BooleanExpression
from pyiceberg.expressions.parser import parse
from pyiceberg.expressions.visitors import bind
from pyiceberg.io.pyarrow import expression_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.table import FileScanTask, Table
from sluice_core.errors import ConfigError, PermanentError

from sluice_compactor.compact.partition import FileLimits, Point, nowhere
from sluice_compactor.errors import LostRaceError, told
from sluice_compactor.ids.forgotten import remember
from sluice_compactor.ids.hashes import Hashes
from sluice_compactor.maintain.rewrite import files_by_day
from sluice_compactor.maintain.snapshots import expire
from sluice_compactor.store.place import Place
from sluice_compactor.table.definition import load
from sluice_compactor.write.commit import replace
from sluice_compactor.write.files import Writer
from sluice_compactor.write.stored import StoredFile

RACES: Final = 8


@dataclass(frozen=True)
class Forgotten:
    """`rows` were taken out (with `done` false: would be), out of `files` data files."""

    rows: int
    files: int
    done: bool


class Forgetter:
    """Forgets rows of one table."""

    def __init__(
        self,
        catalog: Catalog,
        identifier: tuple[str, str],
        place: Place,
        *,
        id_column: str,
        limits: FileLimits,
        point: Point = nowhere,
    ) -> None:
        self._catalog, self._identifier, self._place = catalog, identifier, place
        self._id_column, self._limits, self._point = id_column, limits, point

    def forget(self, where: str, *, do: bool) -> Forgotten:
        """Takes out the rows for which `where` holds (not those for which nobody can tell); without `do` counts them.

        Raises ConfigError for a condition that is none, PermanentError when others are always faster.
        """
        for _ in range(RACES):
            table = load(self._catalog, self._identifier)
            if table is None:
                raise PermanentError(f"there is no table {'.'.join(self._identifier)} yet")
            condition = _condition(table, where)
            try:
                return self._once(table, condition, do=do)
            except LostRaceError:
                continue
        raise PermanentError(f"{RACES} races were lost in a row: try again when less is written")

    def purge(self) -> int:
        """Expires all snapshots but the present one, so that no file holds the rows any more; gives their number."""
        table = load(self._catalog, self._identifier)
        return (
            0
            if table is None
            else expire(self._catalog, table, datetime.datetime.now(datetime.UTC))
        )

    def _once(self, table: Table, condition: BooleanExpression, *, do: bool) -> Forgotten:
        bound = bind(table.schema(), condition, case_sensitive=True)
        matches: Any = expression_to_pyarrow(bound, table.schema())
        with told("plan a read of the table"):
            tasks = list(table.scan(row_filter=condition).plan_files())
        found = [(task, ids) for task in tasks if (ids := self._ids(table, task, matches))]
        rows = sum(len(ids) for _, ids in found)
        base = table.current_snapshot()
        if not do or not found or base is None:
            return Forgotten(rows, len(found), done=False)
        every = (name for _, ids in found for name in ids)
        remember(
            self._place.bucket, ".".join(self._identifier), str(uuid.uuid4()), Hashes.of(every)
        )
        self._point("remembered")
        new, writers = self._without(table, [task for task, _ in found], matches)
        try:
            replace(
                table, base, [task.file for task, _ in found], new, {"sluice.forget": str(rows)}
            )
        except LostRaceError:
            for writer in writers:
                writer.discard()
            raise
        self._point("forgotten")
        return Forgotten(rows, len(found), done=True)

    def _ids(self, table: Table, task: FileScanTask, matches: Any) -> list[str]:
        return [
            str(name)
            for rows in _rows(table, task)
            for name in rows.filter(matches).column(self._id_column).to_pylist()
            if name is not None
        ]

    def _without(
        self, table: Table, tasks: list[FileScanTask], matches: Any
    ) -> tuple[list[DataFile], list[Writer]]:
        chosen = {task.file.file_path for task in tasks}
        new: list[DataFile] = []
        writers: list[Writer] = []
        for day, of_day in files_by_day(table).items():
            mine = [task for task in of_day if task.file.file_path in chosen]
            if not mine:
                continue
            writer = Writer(
                table, day, self._id_column, chunk=self._limits.chunk, target=self._limits.file
            )
            writers.append(writer)
            for task in mine:
                for rows in _rows(table, task):
                    # A condition that is neither true nor false (a missing value) is no reason to forget.
                    writer.add(rows.filter(~matches | matches.is_null()))
            new += writer.finish()
        return new, writers


def _rows(table: Table, task: FileScanTask) -> Iterator[pa.Table]:
    for group in StoredFile(table, task).groups():
        yield group.read()


def _condition(table: Table, where: str) -> BooleanExpression:
    try:
        condition = parse(where)
        bind(table.schema(), condition, case_sensitive=True)
    except Exception as error:
        # The parser is pyparsing's, whose errors have no common base with PyIceberg's own.
        raise ConfigError(
            f"--where {where!r}: {str(error).splitlines()[0] if str(error) else type(error).__name__}; write for example "
            "user = 'Ada' or (wiki = 'eowiki' and event_id in ('1', '2'))"
        ) from error
    return condition
