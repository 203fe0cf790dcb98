"""The article's pipeline on a real cluster: what goes in comes out, and everything that counts agrees."""

import pytest
from kit import prometheus
from kit.cluster import CommandError
from kit.source import expected
from kit.waiting import until

EVENTS = 50_000
ARTICLE = ["id", "type", "namespace", "title", "comment", "timestamp", "user", "bot", "event_id"]


@pytest.mark.timeout(300)
def test_ids_in_are_ids_out_and_the_metrics_agree(make_release, evidence):
    release = make_release(
        demoSource__args=[f"--events={EVENTS}"], demoSource__rate=0, autoscaling__pausedReplicas=1
    )
    prometheus.start(release)
    ids = expected(EVENTS)

    found = release.lake.wait_for(ids, deadline=150)
    assert found.keys() == set(ids)
    assert found.total() == len(ids)  # each exactly once: nothing was killed
    release.lake.wait_empty(deadline=30)

    objects = release.lake.refresh()
    assert {tuple(found.columns) for found in objects} == {tuple(ARTICLE)}
    sizes = [len(found.rows) for found in objects]
    full = sum(1 for size in sizes if size == 100)
    print(
        f"{len(objects)} objects, {full} of 100 rows, others {sorted(s for s in sizes if s != 100)}"
    )
    assert max(sizes) < 200  # 100 rows and one pack less one row
    assert full >= 0.9 * len(sizes)

    producer, batcher = release.metrics("producer"), release.metrics("batcher")
    assert producer["sluice_producer_events_sent_total"] == len(ids)
    assert producer["sluice_producer_events_received_total"] == EVENTS
    assert producer["sluice_producer_events_filtered_total"] == EVENTS - len(ids)
    assert batcher["sluice_batcher_rows_written_total"] == len(ids)
    assert batcher["sluice_batcher_objects_written_total"] == len(objects)
    assert (
        batcher["sluice_batcher_messages_deleted_total"]
        == producer["sluice_producer_messages_sent_total"]
    )

    until(
        lambda: prometheus.value(release, "sum(sluice_batcher_rows_written_total)") == len(ids),
        "Prometheus to see all rows",
        deadline=15,
    )
    assert prometheus.value(release, "sum(sluice_producer_events_sent_total)") == len(ids)
    assert prometheus.value(release, "sum(sluice_batcher_freshness_seconds_count)") == len(ids)

    account = release.lake.verify(ids, evidence)
    assert (account["lost"], account["duplicates"], account["dead_lettered"], account["rows"]) == (
        0,
        0,
        0,
        len(ids),
    )


@pytest.mark.timeout(240)
def test_helm_test_passes_and_can_fail(make_release):
    release = make_release(autoscaling__enabled=False, tests__timeoutSeconds=60)
    done = release.helm("test", "sluice", "--timeout", "120s")
    assert "Phase:          Succeeded" in done.stdout

    release.apply(tests__mustFail=True)
    with pytest.raises(CommandError, match="must-fail"):
        release.helm("test", "sluice", "--timeout", "120s")
