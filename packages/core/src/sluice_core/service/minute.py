"""A service at work says so once a minute, also when there was nothing to do: silence would look like a hang."""

import math
from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry

from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.periodic import Periodic

_log = get_logger(__name__)
SECONDS: Final = 60.0


class MinuteLine(Periodic):
    """Logs what has happened since the last line, from the process's own metrics.

    `counts`: log key → counter, told as the difference; `states`: log key → gauge, told as it is (not at all
    while it is unknown). A metric with labels is summed.
    """

    name = "minute"

    def __init__(
        self,
        registry: CollectorRegistry,
        clock: Clock,
        *,
        counts: Mapping[str, str],
        states: Mapping[str, str],
    ) -> None:
        super().__init__(clock, SECONDS, at_once=False)
        self._registry = registry
        self._counts = counts
        self._states = states
        self._before: dict[str, float] = {}

    def act(self) -> None:
        """Writes the line."""
        values = self._values()
        told = {
            key: round(values.get(name, 0.0) - self._before.get(name, 0.0))
            for key, name in self._counts.items()
        }
        states = {
            key: round(values[name], 1)
            for key, name in self._states.items()
            if not math.isnan(values.get(name, math.nan))
        }
        self._before = values
        _log.info("at work", **told, **states)

    def _values(self) -> dict[str, float]:
        wanted = {*self._counts.values(), *self._states.values()}
        found: dict[str, float] = {}
        for family in self._registry.collect():
            for sample in family.samples:
                if sample.name in wanted:
                    found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found
