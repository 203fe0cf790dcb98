"""What every part of the process shares: core's, with the producer's metrics."""

from typing import TypeAlias

from sluice_core.service import runtime

from sluice_producer.metrics import Metrics

Runtime: TypeAlias = runtime.Runtime[Metrics]
