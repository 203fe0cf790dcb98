"""How a service's process begins and ends: arguments, settings, logs, health over HTTP, the exit code."""

import argparse
import ctypes
import gc
import os
import random
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import structlog
from prometheus_client import CollectorRegistry

from sluice_core.errors import ConfigError, SluiceError, exit_code, os_reason
from sluice_core.exit_codes import DONE, FAILED, REFUSED
from sluice_core.service.clock import SystemClock
from sluice_core.service.logs import get_logger, setup_logging
from sluice_core.service.retry import Stopped
from sluice_core.service.runtime import Runtime
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health, TelemetryServer, make_registry, serve_http
from sluice_core.settings import CommonSettings, describe_settings, effective, load_settings
from sluice_core.version import __version__

_LAST_RESORT: Final = 1.0
"""Seconds after the grace period in which a process should have left by itself."""
_OBJECTS_BETWEEN: Final = 20_000
"""Objects made, and not yet gone, between two searches for cycles among the youngest."""

_ARENA_MAX: Final = -8
_ARENAS: Final = 2
"""glibc's M_ARENA_MAX, and how many heaps there may be (https://man7.org/linux/man-pages/man3/mallopt.3.html)."""

S = TypeVar("S", bound=CommonSettings)
P = TypeVar("P")
M = TypeVar("M")


@dataclass(frozen=True)
class Service(Generic[S, P, M]):
    """What makes a process this service.

    `plan`: what the settings ask for, made before anything outside is touched; raises ConfigError.
    `options`: settings that the command line takes, too: option → (variable, help).
    `hide` gives what takes the settings' secrets out of a log line's value. `metrics`: the service's own, in the process's registry. `run`: works until the stop is requested and gives
    the exit code; what it raises decides the code as `errors.exit_code` has it.
    """

    component: str
    description: str
    settings: type[S]
    plan: Callable[[S], P]
    metrics: Callable[[CollectorRegistry, S], M]
    run: Callable[[S, P, Runtime[M]], int]
    hide: Callable[[S], Callable[[Any], Any]] = lambda _settings: lambda value: value
    options: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def main(service: Service[S, P, M], argv: Sequence[str] | None = None) -> int:
    """Runs the service until it is told to stop; gives the exit code."""
    program = f"sluice_{service.component}"
    parser = argparse.ArgumentParser(
        program, description=f"{service.description} Settings: SLUICE_* in the environment."
    )
    parser.add_argument(
        "--print-config", action="store_true", help="show the effective settings and exit"
    )
    parser.add_argument(
        "--print-variables", action="store_true", help="show the names of its settings and exit"
    )
    parser.add_argument("--version", action="version", version=__version__)
    for option, (variable, text) in service.options.items():
        parser.add_argument(option, dest=variable, metavar="VALUE", help=f"{text} ({variable})")
    arguments = parser.parse_args(argv)
    if arguments.print_variables:
        sys.stdout.writelines(f"{doc.variable}\n" for doc in describe_settings(service.settings))
        return DONE
    given = {
        variable: value
        for variable, _ in service.options.values()
        if (value := getattr(arguments, variable)) is not None
    }
    try:
        settings = load_settings(service.settings, {**os.environ, **given})
        plan = service.plan(settings)
    except ConfigError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return REFUSED
    if arguments.print_config:
        sys.stdout.writelines(f"{name}={value}\n" for name, value in effective(settings).items())
        return DONE
    return _run(service, settings, plan)


def leave(code: int) -> None:
    """Ends the process, even while a thread still waits for AWS: what it holds is safe in the queue."""
    if any(
        not thread.daemon
        for thread in threading.enumerate()
        if thread is not threading.main_thread()
    ):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _leave_at_once(log: structlog.stdlib.BoundLogger) -> None:
    log.error("left at the end of the grace period while a call hung: nothing is lost by it")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(FAILED)


def _collect_seldom() -> None:
    """Tunes Python's search for cycles to a service that holds many objects, none of them in one, until a flush.

    By default all that is held would be looked through after every 700 objects more: a tenth of the CPU. What was
    there at the start is never looked through again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN, 20, 100)


def share_heaps() -> bool:
    """Lets threads take what others have freed: glibc gives each a heap of its own, up to eight a core, and most of it
    lies idle. False where the C library has no such thing."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS))
    except (AttributeError, OSError, TypeError):
        return False


def _run(service: Service[S, P, M], settings: S, plan: P) -> int:
    share_heaps()
    _collect_seldom()
    setup_logging(
        settings.log_level, settings.log_format, service.component, hide=service.hide(settings)
    )
    log = get_logger(f"sluice_{service.component}")
    registry, clock = make_registry(service.component), SystemClock()
    runtime = Runtime(
        stop=Stop(),
        clock=clock,
        rng=random.Random(),  # noqa: S311  (jitter, no secrets)
        health=Health(clock),
        metrics=service.metrics(registry, settings),
    )
    runtime.stop.install_signal_handlers()
    runtime.stop.leave_after(
        settings.shutdown_grace + _LAST_RESORT, clock, lambda: _leave_at_once(log)
    )
    runtime.health.set_ready("start", ready=False, why="starting")
    server: TelemetryServer | None = None
    try:
        server = _listen(settings, registry, runtime.health)
        log.info("started", version=__version__, http_port=server.port)
        return service.run(settings, plan, runtime)
    except Stopped:
        log.info("stopped before the start was complete")
        return DONE
    except SluiceError as error:
        code = exit_code(error)
        log.critical("failed", why=str(error), exit_code=code)
        return code
    finally:
        if server is not None:
            server.close()


def _listen(
    settings: CommonSettings, registry: CollectorRegistry, health: Health
) -> TelemetryServer:
    try:
        return serve_http(settings.http_host, settings.http_port, registry, health)
    except OSError as error:
        raise ConfigError(
            f"SLUICE_HTTP_PORT={settings.http_port} on SLUICE_HTTP_HOST={settings.http_host}: "
            f"{os_reason(error)}; choose another (0 takes a free one)"
        ) from error
