"""What the commands do with the table: a pass, its state, rows that are forgotten. Imported only where it is asked for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog
from sluice_compactor.app import Service
from sluice_compactor.compact.partition import FileLimits
from sluice_compactor.compact.passes import Report
from sluice_compactor.lake import Lake, quiet_runtime
from sluice_compactor.maintain.forget import Forgetter, Forgotten
from sluice_compactor.raw.listing import Listing, list_raw
from sluice_compactor.reading import TableFiles
from sluice_compactor.settings import CompactorSettings
from sluice_compactor.status import Status, read_status
from sluice_core.keys import WAREHOUSE
from sluice_core.service.clock import SystemClock
from sluice_core.service.stop import Stop
from sluice_core.settings import load_settings


@dataclass(frozen=True)
class State:
    """The present listing, the table's size, and what the last pass has told of objects that are still there.

    `table`: rows (as the files tell: deletes of another engine not heeded), files, bytes; None without a table.
    """

    listing: Listing
    last: Status | None
    table: dict[str, Any] | None
    set_aside: dict[str, str] = field(default_factory=dict)


def settings_from(settle: float | None, *, keep_raw: bool | None = None) -> CompactorSettings:
    """The environment's, with what the command line says."""
    given: dict[str, Any] = {"lake_settle": settle, "lake_keep_raw": keep_raw, "lake_every": None}
    wanted = {name: value for name, value in given.items() if value is not None}
    return load_settings(CompactorSettings).model_copy(update=wanted)


def compact(settings: CompactorSettings, folder: Path | None, stop: Stop | None = None) -> Report:
    """One pass over the settings' bucket, or a folder. Raises Stopped when `stop` is requested meanwhile."""
    runtime = quiet_runtime()
    if stop is not None:
        runtime = replace(runtime, stop=stop)
    with _quiet():
        return Service(settings, runtime, lambda: Lake.open(settings, folder)).once()


def state(settings: CompactorSettings, folder: Path | None) -> State:
    """How things are. Nothing is changed."""
    lake = Lake.open(settings, folder, to_write=False)
    listing = list_raw(
        lake.place.bucket,
        settings.prefix,
        now=SystemClock().now(),
        settle=settings.lake_settle,
        without=[f"{WAREHOUSE}/"],
    )
    last = read_status(lake.place.bucket, settings.lake_table)
    there = {raw.key for raws in listing.days.values() for raw in raws}
    known = {} if last is None else last.set_aside
    set_aside = {key: why for key, why in known.items() if key in there} | listing.set_aside
    table = lake.table()
    return State(
        listing,
        last,
        None if table is None else _size(table.name(), TableFiles.of(table)),
        set_aside,
    )


def forget(
    settings: CompactorSettings, folder: Path | None, where: str, *, do: bool, purge: bool
) -> tuple[Forgotten, int]:
    """Forgets rows (without `do` only counts them); gives, too, how many snapshots a purge has expired."""
    with _quiet():
        return _forget(settings, folder, where, do=do, purge=purge)


def _forget(
    settings: CompactorSettings, folder: Path | None, where: str, *, do: bool, purge: bool
) -> tuple[Forgotten, int]:
    lake = Lake.open(settings, folder)
    forgetter = Forgetter(
        lake.catalog,
        settings.identifier,
        lake.place,
        id_column=settings.lake_id_column,
        limits=FileLimits.of(settings),
    )
    found = forgetter.forget(where, do=do)
    return found, forgetter.purge() if do and purge else 0


@contextmanager
def _quiet() -> Iterator[None]:
    """The command tells by itself what happened: a service's log lines do not belong on its output."""
    logging.getLogger("pyiceberg").setLevel(logging.ERROR)
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _size(name: tuple[str, ...], files: TableFiles) -> dict[str, Any]:
    return {
        "name": ".".join(name),
        "rows": sum(task.file.record_count for task in files.tasks),
        "files": len(files.tasks),
        "bytes": files.size,
    }
