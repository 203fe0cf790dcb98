"""The line that a service writes once a minute."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from sluice_core.service.minute import SECONDS, MinuteLine
from sluice_core.service.telemetry import make_registry
from sluice_core.testing import FakeClock
from structlog.testing import capture_logs


def test_it_tells_what_happened_since_the_last_one_and_nothing_that_is_unknown():
    registry, clock = CollectorRegistry(), FakeClock()
    rows = Counter("rows", "Rows.", ["format"], registry=registry)
    lag = Gauge("lag_seconds", "Lag.", registry=registry)
    lag.set(float("nan"))
    with capture_logs() as lines:
        line = MinuteLine(
            registry, clock, counts={"rows": "rows_total"}, states={"lag_seconds": "lag_seconds"}
        )
        rows.labels("csv").inc(3)
        rows.labels("jsonl").inc(4)
        line.step()
        assert lines == []
        clock.advance(SECONDS)
        line.step()
        line.step()
        rows.labels("csv").inc(5)
        lag.set(2.34)
        clock.advance(SECONDS)
        line.step()
        clock.advance(SECONDS)
        line.step()
    assert [{k: v for k, v in one.items() if k not in ("event", "log_level")} for one in lines] == [
        {"rows": 7},
        {"rows": 5, "lag_seconds": 2.3},
        {"rows": 0, "lag_seconds": 2.3},
    ]


def test_no_series_tells_when_another_was_made():
    registry = make_registry("test")
    Counter("things", "Things.", registry=registry).inc()
    assert b"_created" not in generate_latest(registry)
