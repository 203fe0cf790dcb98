"""What every part of a process shares, handed over in one piece."""

import random
from dataclasses import dataclass
from typing import Generic, TypeVar

from sluice_core.service.clock import Clock
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

M_co = TypeVar("M_co", covariant=True)


@dataclass(frozen=True)
class Runtime(Generic[M_co]):
    """Time, chance, the request to stop, and where to report. `metrics` are the service's own."""

    stop: Stop
    clock: Clock
    rng: random.Random
    health: Health
    metrics: M_co
