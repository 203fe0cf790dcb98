"""Structured logs: one JSON object a line on standard output, or text for people.

Never an event's content above debug, and never a secret: what is logged is names, counts and reasons.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any, Final, cast

import structlog
from structlog.typing import EventDict

_OURS: Final = frozenset({"level", "timestamp", "component"})


def setup_logging(
    level: str,
    log_format: str,
    component: str,
    hide: Callable[[Any], Any] = lambda value: value,
) -> None:
    """Sets up structlog and the standard library's logging (botocore, urllib3) into one stream.

    `hide` takes the secrets out of each value of a line, whoever wrote it, tracebacks included.
    """

    def without_secrets(_logger: object, _method: str, line: EventDict) -> EventDict:
        return {key: value if key in _OURS else hide(value) for key, value in line.items()}

    def name_component(_logger: object, _method: str, line: EventDict) -> EventDict:
        # Not a context variable: a new thread would not have it.
        line.setdefault("component", component)
        return line

    shared: list[Any] = [
        name_component,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Any]
    if log_format == "json":
        render = [structlog.processors.JSONRenderer()]
    else:
        render = [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                without_secrets,
                *render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; messages are short and constant, what varies goes into keyword arguments."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(name))
