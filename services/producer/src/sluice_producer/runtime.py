"""What every part of the process shares, handed over in one piece."""

import random
from dataclasses import dataclass

from sluice_core.service.clock import Clock
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health

from sluice_producer.metrics import Metrics


@dataclass(frozen=True)
class Runtime:
    """Time, chance, the request to stop, and where to report."""

    stop: Stop
    clock: Clock
    rng: random.Random
    health: Health
    metrics: Metrics
