"""`python -m sluice_producer`: the producer's process. Exit codes: 0 clean stop, 1 failed for good, 2 settings, 3 replaced."""

import uuid
from collections.abc import Sequence

from sluice_core.exit_codes import DONE
from sluice_core.service import main as process
from sluice_core.service.logs import get_logger

from sluice_producer.app import Producer
from sluice_producer.clients import connect
from sluice_producer.metrics import Metrics, Runtime
from sluice_producer.settings import ProducerSettings


def run(settings: ProducerSettings, _plan: None, runtime: Runtime) -> int:
    """Works until the stop is requested or the source has ended; gives the exit code."""
    log = get_logger("sluice_producer")
    log.info("source", source=settings.name, preset=settings.preset)
    if settings.query_left_out:
        log.warning(
            "the URL's query is secret and not in the source's name: sources that differ only in it need "
            "SLUICE_SOURCE_NAME, or they share a checkpoint",
            source=settings.name,
        )
    runtime.health.set_ready("start", ready=True)
    Producer(settings, connect(settings, runtime), runtime, owner=str(uuid.uuid4())).run()
    return DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the producer until it is told to stop; gives the exit code."""
    producer = process.Service(
        component="producer",
        description="Reads an SSE stream and sends it to SQS.",
        settings=ProducerSettings,
        plan=lambda _settings: None,
        metrics=lambda registry, settings: Metrics(registry, settings.wire),
        run=run,
        hide=lambda settings: settings.secrets.hide_in,
    )
    return process.main(producer, argv)


if __name__ == "__main__":
    process.leave(main())
