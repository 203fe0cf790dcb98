"""`python -m sluice_producer`: settings, wiring, run. Exit codes: 0 clean stop, 1 failed for good, 2 settings, 3 replaced."""

import argparse
import random
import sys
import uuid
from collections.abc import Sequence

from prometheus_client import CollectorRegistry
from sluice_core.errors import ConfigError, SluiceError, exit_code, os_reason
from sluice_core.service.clock import SystemClock
from sluice_core.service.logs import get_logger, setup_logging
from sluice_core.service.retry import Stopped
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health, TelemetryServer, make_registry, serve_http
from sluice_core.settings import effective, load_settings
from sluice_core.version import __version__

from sluice_producer.app import Producer
from sluice_producer.metrics import Metrics
from sluice_producer.runtime import Runtime
from sluice_producer.settings import ProducerSettings
from sluice_producer.world import connect


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the producer until it is told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(
        "sluice_producer",
        description="Reads an SSE stream and sends it to SQS. Settings: SLUICE_* in the environment.",
    )
    parser.add_argument(
        "--print-config", action="store_true", help="show the effective settings and exit"
    )
    parser.add_argument("--version", action="version", version=__version__)
    arguments = parser.parse_args(argv)
    try:
        settings = load_settings(ProducerSettings)
    except ConfigError as error:
        sys.stderr.write(f"sluice_producer: {error}\n")
        return 2
    if arguments.print_config:
        sys.stdout.writelines(f"{name}={value}\n" for name, value in effective(settings).items())
        return 0
    return run(settings)


def run(settings: ProducerSettings) -> int:
    """See `main`."""
    setup_logging(
        settings.log_level, settings.log_format, "producer", hide=settings.secrets.hide_in
    )
    log = get_logger("sluice_producer")
    registry, clock = make_registry("producer"), SystemClock()
    runtime = Runtime(
        stop=Stop(),
        clock=clock,
        rng=random.Random(),  # noqa: S311  (jitter, no secrets)
        health=Health(clock),
        metrics=Metrics(registry, settings.wire),
    )
    runtime.stop.install_signal_handlers()
    code, server = 0, None
    try:
        server = listen(settings, registry, runtime.health)
        log.info(
            "started",
            version=__version__,
            http_port=server.port,
            source=settings.name,
            preset=settings.preset,
        )
        if settings.query_left_out:
            log.warning(
                "the URL's query is secret and not in the source's name: sources that differ only in it need "
                "SLUICE_SOURCE_NAME, or they share a checkpoint",
                source=settings.name,
            )
        Producer(settings, connect(settings, runtime), runtime, owner=str(uuid.uuid4())).run()
    except Stopped:
        log.info("stopped before the start was complete")
    except SluiceError as error:
        code = exit_code(error)
        log.critical("failed", why=str(error), exit_code=code)
    finally:
        if server is not None:
            server.close()
    return code


def listen(
    settings: ProducerSettings, registry: CollectorRegistry, health: Health
) -> TelemetryServer:
    """Metrics and health over HTTP. Raises ConfigError when the address is taken or not ours."""
    try:
        return serve_http(settings.http_host, settings.http_port, registry, health)
    except OSError as error:
        raise ConfigError(
            f"SLUICE_HTTP_PORT={settings.http_port} on SLUICE_HTTP_HOST={settings.http_host}: {os_reason(error)}; "
            "choose another (0 takes a free one)"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
