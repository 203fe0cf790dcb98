"""One pass over all days that have raw objects. A day that fails does not hold up the others."""

import datetime
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from sluice_core.errors import ConfigError, PermanentError, SluiceError
from sluice_core.keys import WAREHOUSE
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff, Stopped
from sluice_core.service.runtime import Runtime

from sluice_compactor.compact.partition import Day, DayOutcome, FileLimits, Point, nowhere
from sluice_compactor.errors import LostRaceError, TableGrewError, UnsafeCatalogError
from sluice_compactor.metrics import Metrics
from sluice_compactor.raw.fetch import fetch
from sluice_compactor.raw.fit import read_raw
from sluice_compactor.raw.listing import Listing, RawObject, list_raw
from sluice_compactor.settings import CompactorSettings
from sluice_compactor.store.place import Place
from sluice_compactor.table.definition import load, make, must_be_ours, new_columns

_log = get_logger(__name__)
RACES: Final = 8
"""Races that a day may lose in one pass; the next pass takes it up again."""
_LOAD_BYTES: Final = 2 * 2**30
"""Raw bytes of one commit: a pass that is killed has not worked for hours in vain."""
_DELETERS: Final = 16


@dataclass
class Report:
    """What a pass did. `days`: day → outcomes; `failures`: day → why it has to wait; `set_aside`: key → why.

    `not_pushed`: why its metrics are not in the Pushgateway; empty where they are, or where there is none.
    """

    listing: Listing
    days: dict[datetime.date, list[DayOutcome]] = field(default_factory=dict)
    failures: dict[datetime.date, str] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)
    lost_races: int = 0
    deleted: int = 0
    not_pushed: str = ""

    def outcomes(self) -> Iterator[DayOutcome]:
        """All of them."""
        for outcomes in self.days.values():
            yield from outcomes

    @property
    def rows_in(self) -> int:
        """Rows of raw objects that were read."""
        return sum(outcome.rows_in for outcome in self.outcomes())

    @property
    def rows_out(self) -> int:
        """Rows that are new in the table."""
        return sum(outcome.rows_out for outcome in self.outcomes())


class Compactor:
    """Passes over one bucket's raw objects, into one table. It may be one of several: each commit compares."""

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
        self._runtime, self._metrics, self._point = runtime, runtime.metrics, point
        self._limits = FileLimits.of(settings)

    def once(self) -> Report:
        """One pass. Raises what keeps all days from being compacted, and Stopped when a stop is requested."""
        report = Report(self._list())
        report.set_aside.update(report.listing.set_aside)
        for day, raws in report.listing.days.items():
            for load_of_day in _loads(raws):
                try:
                    self._day(day, load_of_day, report)
                except (UnsafeCatalogError, ConfigError, Stopped):
                    raise
                except SluiceError as error:
                    report.failures[day] = str(error)
                    self._metrics.failures.inc()
                    _log.error(
                        "this day has to wait for the next pass", day=str(day), why=str(error)
                    )
                    break
        self._metrics.set_aside.set(len(report.set_aside))
        # Only now it is known what is set aside, and what is kept although it is in the table.
        self._metrics.oldest_raw.set(report.listing.oldest_age(self._never(report)))
        for key, why in report.set_aside.items():
            _log.warning("set aside: left where it is", key=key, why=why)
        return report

    def _never(self, report: Report) -> set[str]:
        """Keys of the raw objects that grow old by right."""
        kept = [raw.key for outcome in report.outcomes() for raw in outcome.taken]
        return {*report.set_aside, *(kept if self._settings.lake_keep_raw else ())}

    def _list(self) -> Listing:
        listing = list_raw(
            self._place.bucket,
            self._settings.prefix,
            now=self._runtime.clock.now(),
            settle=self._settings.lake_settle,
            without=[f"{WAREHOUSE}/"],
        )
        self._metrics.raw_objects.set(listing.count)
        self._metrics.raw_bytes.set(listing.size)
        self._metrics.dirty_days.set(len(listing.days))
        self._point("listed")
        return listing

    def _day(self, day: datetime.date, raws: Sequence[RawObject], report: Report) -> None:
        stop, clock = self._runtime.stop, self._runtime.clock
        backoff = Backoff(base=0.5, cap=10, rng=self._runtime.rng)
        lost = 0
        while True:
            if stop.requested:
                raise Stopped
            self._runtime.health.beat("compactor")
            try:
                outcome = self._try(day, raws, report)
                break
            except TableGrewError as error:
                _log.info("the table has grown", day=str(day), what=str(error))
            except LostRaceError as error:
                lost += 1
                report.lost_races += 1
                self._metrics.lost_races.inc()
                _log.info("another writer was faster: once more", day=str(day), why=str(error))
                if lost >= RACES:
                    raise PermanentError(
                        f"{lost} races were lost in a row: is another writer at work on the table?"
                    ) from error
                if clock.wait(stop.event, backoff.next()):
                    raise Stopped from error
        if outcome is not None:
            self._tell(day, outcome, report)
            self._delete(outcome, report)

    def _try(
        self, day: datetime.date, raws: Sequence[RawObject], report: Report
    ) -> DayOutcome | None:
        table = load(self._catalog, self._settings.identifier) or self._made(raws, report)
        if table is None:
            return None
        must_be_ours(table, self._settings.lake_id_column)
        return Day(
            table,
            self._place.bucket,
            day,
            raws,
            id_column=self._settings.lake_id_column,
            rule=self._settings.id_rule,
            limits=self._limits,
            point=self._point,
        ).compact()

    def _made(self, raws: Sequence[RawObject], report: Report) -> Table | None:
        """The table, made with the columns of the first object that is fit; None when none is."""
        settings = self._settings
        for body in fetch(self._place.bucket, raws, ahead=1):
            try:
                raw = read_raw(
                    body.raw.key,
                    body.content,
                    body.metadata,
                    settings.lake_id_column,
                    settings.id_rule,
                )
                new_columns(None, raw.rows.schema)
            except PermanentError as error:
                report.set_aside[body.raw.key] = str(error)[:300]
                continue
            where = f"{self._place.warehouse}/{'/'.join(settings.identifier)}"
            table = make(
                self._catalog, settings.identifier, raw.rows.schema, settings.lake_id_column, where
            )
            _log.info("made the table", table=settings.lake_table, location=table.location())
            self._point("made")
            return table
        return None

    def _tell(self, day: datetime.date, outcome: DayOutcome, report: Report) -> None:
        report.days.setdefault(day, []).append(outcome)
        report.set_aside.update(outcome.set_aside)
        metrics = self._metrics
        metrics.rows_in.inc(outcome.rows_in)
        metrics.rows_out.inc(outcome.rows_out)
        metrics.duplicates.inc(outcome.duplicates)
        if outcome.snapshot is not None:
            metrics.commits.inc()
            metrics.last_commit.set(self._runtime.clock.now())
        _log.info(
            "compacted",
            day=str(day),
            objects=len(outcome.taken),
            rows_in=outcome.rows_in,
            rows_out=outcome.rows_out,
            files=outcome.files,
            shards=outcome.shards,
            set_aside=len(outcome.set_aside),
        )

    def _delete(self, outcome: DayOutcome, report: Report) -> None:
        """Exactly what was read, and only now that its rows are in the table."""
        if self._settings.lake_keep_raw:
            return

        def delete(raw: RawObject) -> None:
            self._place.bucket.delete(raw.key)

        with ThreadPoolExecutor(_DELETERS, "delete") as pool:
            for _ in pool.map(delete, outcome.taken):
                report.deleted += 1
                self._metrics.raw_deleted.inc()
                self._point("deleted")


def _loads(raws: Sequence[RawObject]) -> Iterator[list[RawObject]]:
    """Raw objects in the order of their keys (which are times), in loads of so many bytes."""
    part: list[RawObject] = []
    size = 0
    for raw in raws:
        if part and size + raw.size > _LOAD_BYTES:
            yield part
            part, size = [], 0
        part.append(raw)
        size += raw.size
    if part:
        yield part
