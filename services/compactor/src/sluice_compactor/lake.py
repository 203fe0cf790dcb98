"""From settings to a table: where it is, who keeps it, what works on it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from prometheus_client import CollectorRegistry
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from sluice_core.service.clock import SystemClock
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

from sluice_compactor.catalog.choose import choose
from sluice_compactor.metrics import Metrics
from sluice_compactor.settings import CompactorSettings
from sluice_compactor.store.place import Place
from sluice_compactor.table.definition import load


@dataclass(frozen=True)
class Lake:
    """A place with raw objects and a catalog, with credentials as they were when it was opened."""

    settings: CompactorSettings
    place: Place
    catalog: Catalog

    @classmethod
    def open(
        cls, settings: CompactorSettings, folder: Path | None = None, *, to_write: bool = True
    ) -> Self:
        """The settings' bucket, or `folder` in its place; without `to_write` nothing is made.

        Raises ConfigError, NoCredentialsError, TemporaryError.
        """
        place = Place.in_s3(settings) if folder is None else Place.on_disk(folder)
        given = settings.lake_catalog
        secret = None if given is None or folder is not None else given.get_secret_value()
        return cls(
            settings, place, choose(secret, settings.identifier[0] if to_write else None, place)
        )

    def table(self) -> Table | None:
        """The table as it is now; None where there is none yet."""
        return load(self.catalog, self.settings.identifier)


Opener = Callable[[], Lake]
"""Opens a lake with credentials as they are now: before each pass, for temporary ones end."""


def quiet_runtime() -> Runtime[Metrics]:
    """A runtime for a command that is no service: nobody scrapes it, and Ctrl-C ends it."""
    clock = SystemClock()
    return Runtime(
        stop=Stop(),
        clock=clock,
        rng=random.Random(),  # noqa: S311  (jitter, no secrets)
        health=Health(clock),
        metrics=Metrics(CollectorRegistry()),
    )
