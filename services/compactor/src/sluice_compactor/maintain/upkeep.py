"""What is done for the table after a pass, unless another engine does it."""

import datetime
from typing import Final

import orjson
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from sluice_core.errors import SluiceError
from sluice_core.keys import INTERNAL_PREFIX
from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime

from sluice_compactor.compact.partition import FileLimits, Point, nowhere
from sluice_compactor.compact.passes import Report
from sluice_compactor.errors import LostRaceError
from sluice_compactor.maintain.rewrite import due, files_by_day, rewrite
from sluice_compactor.maintain.snapshots import expire
from sluice_compactor.maintain.sweep import sweep
from sluice_compactor.metrics import Metrics
from sluice_compactor.settings import CompactorSettings
from sluice_compactor.store.place import Place
from sluice_compactor.table.definition import load, must_be_ours

_log = get_logger(__name__)
SWEEP_EVERY: Final = 86_400.0
"""A sweep lists the whole table."""


class Upkeep:
    """Rewrites finished days, expires snapshots, sweeps. A race that is lost is left to the next pass."""

    def __init__(
        self,
        settings: CompactorSettings,
        place: Place,
        catalog: Catalog,
        runtime: Runtime[Metrics],
        *,
        point: Point = nowhere,
    ) -> None:
        self._settings, self._place, self._catalog = settings, place, catalog
        self._runtime, self._point = runtime, point
        self._limits = FileLimits.of(settings)

    def after(self, report: Report) -> None:
        """Does what is due. A failure is told and harms nothing: the rows are in the table."""
        try:
            table = self._load()
            if table is None:
                return
            files = files_by_day(table)
            self._runtime.metrics.day_files.set(max(map(len, files.values()), default=0))
            if self._settings.lake_maintain:
                self._rewrite(table, report)
                self._expire()
                self._sweep()
        except LostRaceError as error:
            self._runtime.metrics.lost_races.inc()
            _log.info("maintenance gave way to another writer", why=str(error))
        except SluiceError as error:
            _log.error("maintenance has failed: the next pass tries again", why=str(error))

    def _load(self) -> Table | None:
        """The table, if it is there. Raises PermanentError for a stranger's, which nothing here may touch."""
        table = load(self._catalog, self._settings.identifier)
        if table is not None:
            must_be_ours(table, self._settings.lake_id_column)
        return table

    def _now(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self._runtime.clock.now(), datetime.UTC)

    def _rewrite(self, found: Table, report: Report) -> None:
        table: Table | None = found
        dirty = {*report.listing.days, *report.failures}
        while table is not None:
            days = due(files_by_day(table), self._now(), self._limits, dirty)
            if not days:
                return
            day, tasks = next(iter(days.items()))
            count = rewrite(
                table,
                day,
                tasks,
                id_column=self._settings.lake_id_column,
                limits=self._limits,
                point=self._point,
            )
            self._runtime.metrics.rewritten.inc()
            _log.info("rewrote a finished day", day=str(day), files=len(tasks), into=count)
            if count > len(tasks) // 2:  # its files are what they can be
                return
            table = self._load()

    def _expire(self) -> None:
        table = self._load()
        if table is None:
            return
        keep = datetime.timedelta(seconds=self._settings.lake_keep_snapshots)
        count = expire(self._catalog, table, self._now() - keep)
        if count:
            self._runtime.metrics.expired.inc(count)
            _log.info("expired snapshots", count=count)
        self._point("expired")

    def _sweep(self) -> None:
        key = f"{INTERNAL_PREFIX}lake/{self._settings.lake_table}/swept.json"
        now = self._runtime.clock.now()
        last = max((stored.modified for stored in self._place.bucket.list(key)), default=None)
        if last is not None and now - last < SWEEP_EVERY:
            return
        gone = sweep(self._catalog, self._settings.identifier, self._place, now=now)
        self._runtime.metrics.swept.inc(len(gone))
        if gone:
            _log.info("swept files that no snapshot names", count=len(gone))
        self._place.bucket.put(key, orjson.dumps({"at": now, "files": len(gone)}))
