"""The causes of ended connections: a bounded set, whatever the source answers."""

import pytest
from prometheus_client import CollectorRegistry
from sluice_producer.metrics import CAUSES, OTHER_STATUS, Metrics

NAME = "sluice_producer_reconnects_total"


def counted(registry: CollectorRegistry) -> dict[str, float]:
    """Cause → its count, of all that are there."""
    return {
        sample.labels["cause"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == NAME
    }


def test_each_cause_is_there_before_it_happens() -> None:
    registry = CollectorRegistry()
    Metrics(registry, "packed")
    assert counted(registry) == dict.fromkeys(CAUSES, 0)


def test_a_source_of_any_status_makes_no_series() -> None:
    """http.client takes any status of three digits; it is the source that chooses it."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, "packed")
    for status in range(100, 1000):
        metrics.disconnected(f"status-{status}")
    known = [cause for cause in CAUSES if cause.startswith("status-") and cause != OTHER_STATUS]
    others = dict.fromkeys(CAUSES, 0) | dict.fromkeys(known, 1)
    assert counted(registry) == others | {OTHER_STATUS: 900 - len(known)}


def test_who_has_lost_its_connection_is_not_connected() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, "packed")
    metrics.connected.set(1)
    metrics.disconnected("end")
    assert registry.get_sample_value("sluice_producer_connected") == 0


def test_a_cause_that_is_none_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        Metrics(CollectorRegistry(), "packed").disconnected("whatever")
