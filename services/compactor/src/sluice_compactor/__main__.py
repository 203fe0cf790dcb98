"""`python -m sluice_compactor`: the compactor's process. Exit codes: 0 clean, 1 failed, 2 settings."""

import logging
from collections.abc import Sequence

from sluice_core.service import main as process
from sluice_core.service.runtime import Runtime

from sluice_compactor.app import Service
from sluice_compactor.lake import Lake
from sluice_compactor.metrics import Metrics
from sluice_compactor.settings import CompactorSettings


def run(settings: CompactorSettings, _plan: None, runtime: Runtime[Metrics]) -> int:
    """One pass, or one after another until the stop is requested; gives the exit code."""
    # PyIceberg tells of each retry and deleted file in words of its own.
    logging.getLogger("pyiceberg").setLevel(logging.ERROR)
    return Service(settings, runtime, lambda: Lake.open(settings)).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the compactor; gives the exit code."""
    compactor = process.Service(
        component="compactor",
        description="Turns raw objects in S3 into one Iceberg table that holds each event exactly once.",
        settings=CompactorSettings,
        plan=lambda _settings: None,
        metrics=lambda registry, _settings: Metrics(registry),
        run=run,
        options={"--every": ("SLUICE_LAKE_EVERY", "from pass to pass, such as 10m; else one pass")},
    )
    return process.main(compactor, argv)


if __name__ == "__main__":
    process.leave(main())
