"""The run's files as a table that holds each event once: what the compactor makes of them, and how to ask it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sluice_cli.lake.installed import table_module, work_module
from sluice_cli.output import counted
from sluice_core.errors import SluiceError
from sluice_core.keys import WAREHOUSE
from sluice_core.service.retry import Stopped
from sluice_core.service.stop import Stop
from sluice_core.settings.quantities import format_bytes


@dataclass(frozen=True)
class Table:
    """What was made: rows and distinct events of the table, its files and bytes; what does not fit; what went wrong.

    `left_out`: somebody did not want to wait for it.
    """

    rows: int
    events: int
    files: int
    size: int
    address: str
    set_aside: int = 0
    failure: str | None = None
    left_out: bool = False

    @property
    def fault(self) -> str | None:
        """What is wrong with it, in few words; None where nothing is."""
        if self.failure is not None:
            return "the table could not be made"
        twice = self.rows - self.events
        return f"the table has {counted(twice, 'row')} twice" if twice else None

    @property
    def exit_code(self) -> int:
        """1 where an event is there twice, or the table could not be made."""
        return 1 if self.fault is not None else 0

    def account(self, data: Path) -> Iterator[str]:
        """For people: what came of it, and what to do."""
        if self.failure is not None:
            yield f"✗ the table could not be made: {self.failure}"
            return
        if self.left_out:
            made_by = f"sluice compact {data} --keep-raw --settle 0s"
            yield f"no table: it was left out by Ctrl-C; `{made_by}` makes it"
            return
        if not self.rows:
            yield "no table: its rows need an event_id and a day in their path"
            return
        twice = self.rows - self.events
        said = "each event exactly once" if not twice else f"✗ {counted(twice, 'row')} twice"
        yield (
            f"as an Iceberg table: {counted(self.rows, 'row')}, {said}, in {counted(self.files, 'file')} "
            f"({format_bytes(self.size)})"
        )
        if self.set_aside:
            yield f"{counted(self.set_aside, 'object')} set aside: `sluice compact {data} --status` says why"

    def lines(self, data: Path) -> Iterator[str]:
        """For people: the account, and lines that query it."""
        yield from self.account(data)
        if not self.rows:
            return
        python = _python()
        code = f"import polars; print(polars.scan_iceberg('{self.address}').collect())"
        yield f"  {python.parent / 'sluice'} read {data} --lake"
        yield f'  {python} -c "{code}"'
        yield f'  duckdb -c "{duckdb_query(data)}"'


def duckdb_query(data: Path) -> str:
    """Counts the table's rows from its data files, which all are of one snapshot when a run has just ended.

    Without DuckDB's iceberg extension, which it would have to download.
    """
    files = data / WAREHOUSE / "sluice" / "events" / "data" / "**" / "*.parquet"
    return f"SELECT dt, hour, count(*) FROM '{files}' GROUP BY ALL"  # noqa: S608  (shown to people)


def make_table(data: Path, prefix: str, stop: Stop) -> Table:
    """Makes the table of the objects in `data`, which stay where they are. Needs the lake's libraries.

    A `stop` that is forced ends it at its next step; what it has done by then, the next pass knows.
    """
    at_once = Stop()
    at_once.event = stop.forced_event
    try:
        work = work_module()
        settings = work.settings_from(0.0, keep_raw=True).model_copy(
            update={
                "prefix": prefix,
                "lake_catalog": None,
                "lake_table": "sluice.events",
                "pushgateway": None,
            }
        )
        report = work.compact(settings, data, at_once)
        failure = next(iter(report.failures.values()), None)
        files = table_module().table_files(None, data)
        if files is None or failure is not None:
            return Table(0, 0, 0, 0, "", len(report.set_aside), failure)
        ids = [name for part in files.column(settings.lake_id_column) for name in part.to_pylist()]
    except SluiceError as error:
        return Table(0, 0, 0, 0, "", failure=str(error))
    except Stopped:
        return Table(0, 0, 0, 0, "", left_out=True)
    address = files.table.metadata_location
    return Table(
        len(ids), len(set(ids)), len(files.tasks), files.size, address, len(report.set_aside)
    )


def _python() -> Path:
    python = Path(sys.executable)
    return python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
