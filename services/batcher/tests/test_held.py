from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from sluice_batcher.inflight import held as held_module
from sluice_batcher.inflight.held import Admission, Deletion, InFlight
from sluice_batcher.metrics import BulkHistogram
from sluice_core.aws.sqs import Received


def admit(ledger, message_id, handle="h", now=0.0):
    (admitted,) = ledger.admit(
        [Received(message_id, handle, "body")], now=now, lease_until=now + 30
    )
    return admitted


def test_a_message_is_new_then_held_then_written():
    ready = []
    ledger = InFlight(lambda: ready.append(None))
    kind, held = admit(ledger, "m", "h1")
    assert kind is Admission.NEW
    held.pending = 2
    assert admit(ledger, "m", "h2", now=5.0) == (Admission.HELD, held)
    assert (held.handle, held.lease_until, held.received_at) == ("h2", 35.0, 0.0)
    ledger.fulfil([held])
    assert ready == []
    assert ledger.unwritten() == [(held, "h2")]
    ledger.fulfil([held])
    assert ready == [None]
    assert ledger.unwritten() == []
    assert ledger.deleted([(held, "h1")]) == [Deletion.AGAIN]
    assert ledger.deleted([(held, "h2")]) == [Deletion.FIRST]
    assert len(ledger) == 0
    kind, again = admit(ledger, "m", "h3")
    assert kind is Admission.WRITTEN
    assert ready == [None, None]
    assert ledger.unwritten() == []
    assert ledger.deleted([(again, "h3")]) == [Deletion.REPEATED]


def test_a_dropped_message_is_new_when_it_comes_again():
    ready = []
    ledger = InFlight(lambda: ready.append(None))
    _, held = admit(ledger, "m")
    held.pending = 1
    ledger.drop(held)
    kind, other = admit(ledger, "m")
    assert kind is Admission.NEW
    other.pending = 1
    ledger.fulfil([held])
    assert ready == [], "the old one's duty is not the new one's"


def test_memory_of_written_messages_is_bounded(monkeypatch):
    monkeypatch.setattr(held_module, "REMEMBERED", 3)
    ledger = InFlight(lambda: None)
    for number in range(5):
        _, held = admit(ledger, str(number))
        ledger.deleted([(held, held.handle)])
    assert [admit(ledger, str(n))[0] is Admission.WRITTEN for n in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_lease_is_lost_by_time_or_by_refusal():
    _, held = admit(InFlight(lambda: None), "m", now=0.0)
    assert not held.lost(29.9)
    assert held.lost(30.0)
    held.refused = True
    assert held.lost(1.0)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 5))))
def test_bulk_histogram_is_cumulative_as_prometheus_wants(values):
    registry = CollectorRegistry()
    BulkHistogram("x_seconds", "X.", (1, 10, 50), registry).observe_many(values)
    for bound in (1, 10, 50):
        got = registry.get_sample_value("x_seconds_bucket", {"le": str(float(bound))})
        assert got == sum(count for value, count in values if value <= bound)
    total = sum(count for _, count in values)
    assert registry.get_sample_value("x_seconds_bucket", {"le": "+Inf"}) == total
    assert registry.get_sample_value("x_seconds_count") == total
