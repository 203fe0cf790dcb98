"""`python -m sluice_batcher`: settings, wiring, run. Exit codes: 0 clean stop, 1 failed for good, 2 settings."""

import argparse
import os
import random
import sys
import threading
from collections.abc import Sequence

from sluice_core.errors import ConfigError, SluiceError, exit_code, os_reason
from sluice_core.service.clock import SystemClock
from sluice_core.service.logs import get_logger, setup_logging
from sluice_core.service.retry import Stopped
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health, make_registry, serve_http
from sluice_core.settings import effective, load_settings
from sluice_core.version import __version__

from sluice_batcher.app import Batcher, Plan
from sluice_batcher.metrics import Metrics
from sluice_batcher.settings import BatcherSettings
from sluice_batcher.world import connect


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the batcher until it is told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(
        "sluice_batcher",
        description="Turns SQS messages into files in S3. Settings: SLUICE_* in the environment.",
    )
    parser.add_argument(
        "--print-config", action="store_true", help="show the effective settings and exit"
    )
    parser.add_argument("--version", action="version", version=__version__)
    arguments = parser.parse_args(argv)
    try:
        settings = load_settings(BatcherSettings)
        plan = Plan.of(settings)
    except ConfigError as error:
        sys.stderr.write(f"sluice_batcher: {error}\n")
        return 2
    if arguments.print_config:
        sys.stdout.writelines(f"{name}={value}\n" for name, value in effective(settings).items())
        return 0
    return run(settings, plan)


def run(settings: BatcherSettings, plan: Plan) -> int:
    """See `main`."""
    setup_logging(settings.log_level, settings.log_format, "batcher")
    log = get_logger("sluice_batcher")
    stop, clock, rng = Stop(), SystemClock(), random.Random()  # noqa: S311  (jitter, no secrets)
    stop.install_signal_handlers()
    health, registry = Health(clock), make_registry("batcher")
    health.set_ready("start", ready=False, why="starting")
    metrics = Metrics(registry, settings.format)
    try:
        server = serve_http(settings.http_host, settings.http_port, registry, health)
    except OSError as error:
        log.critical(
            "cannot listen: set SLUICE_HTTP_HOST or SLUICE_HTTP_PORT", why=os_reason(error)
        )
        return 2
    log.info("started", version=__version__, http_port=server.port, format=settings.format)
    if not plan.columns.has_event_id:
        log.warning("no column has the path @event_id: `sluice verify` cannot count these rows")
    try:
        world = connect(settings, stop=stop, health=health, clock=clock, rng=rng)
        batcher = Batcher(settings, plan, world, stop=stop, health=health, metrics=metrics)
        return batcher.run()
    except Stopped:
        log.info("stopped before the start was complete")
        return 0
    except ConfigError as error:
        log.critical("settings do not fit the queue", why=str(error))
        return 2
    except SluiceError as error:
        log.critical("failed", why=str(error))
        return exit_code(error)
    finally:
        server.close()


def _leave(code: int) -> None:
    """Exits even while a thread still waits for AWS: what it holds is safe in the queue."""
    if any(thread.name.startswith(("upload", "hand-back")) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    _leave(main())
