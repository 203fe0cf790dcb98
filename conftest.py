"""For all tests: hypothesis without clocks, since time belongs in benchmarks; logging as it was found."""

import logging

import pytest
import structlog
from hypothesis import HealthCheck, settings

settings.register_profile(
    "sluice", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sluice")


@pytest.fixture(autouse=True)
def logging_is_left_as_it_was_found(monkeypatch):
    """A test that sets logging up must not be heard in the next: its stream is closed by then.

    A logger that has been cached would keep that test's configuration for good, so none is.
    """
    configure = structlog.configure
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(
        structlog,
        "configure",
        lambda **given: configure(**{**given, "cache_logger_on_first_use": False}),
    )
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
