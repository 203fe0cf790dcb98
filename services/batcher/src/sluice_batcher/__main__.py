"""`python -m sluice_batcher`: the batcher's process. Exit codes: 0 clean stop, 1 failed for good, 2 settings."""

from collections.abc import Sequence

from sluice_core.service import main as process
from sluice_core.service.logs import get_logger
from sluice_core.service.runtime import Runtime

from sluice_batcher.app import Batcher, Conversion
from sluice_batcher.clients import connect
from sluice_batcher.metrics import Metrics
from sluice_batcher.rows.lean import do_without_pandas, share_memory
from sluice_batcher.settings import BatcherSettings


def run(settings: BatcherSettings, conversion: Conversion, runtime: Runtime[Metrics]) -> int:
    """Works until the stop is requested; gives the exit code."""
    share_memory()
    if conversion.transform is None:
        do_without_pandas()
    if not conversion.columns.has_event_id:
        get_logger("sluice_batcher").warning(
            "no column has the path @event_id: `sluice verify` cannot count these rows"
        )
    return Batcher(settings, conversion, connect(settings, runtime), runtime).run()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the batcher until it is told to stop; gives the exit code."""
    batcher = process.Service(
        component="batcher",
        description="Turns SQS messages into files in S3.",
        settings=BatcherSettings,
        plan=Conversion.of,
        metrics=lambda registry, settings: Metrics(registry, settings.format),
        run=run,
    )
    return process.main(batcher, argv)


if __name__ == "__main__":
    process.leave(main())
