"""What the metrics say is what happened, promtool finds nothing to object to, and logs hold no event."""

import json
import os
import shutil
import subprocess

import pytest
from harness.waiting import until
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.functional

EVENTS = 2000


def test_metrics_agree_with_the_data_and_logs_hold_no_content(make_pipeline):
    pipeline = make_pipeline(EVENTS, settings={"SLUICE_LOG_LEVEL": "INFO"})
    producer, batcher = pipeline.start()
    found = pipeline.lossless()
    until(lambda: batcher.metric("sluice_batcher_held_messages") == 0, "all messages deleted")

    sent = producer.metric("sluice_producer_events_sent_total")
    filtered = producer.metric("sluice_producer_events_filtered_total")
    messages = producer.metric("sluice_producer_messages_sent_total")
    assert sent == found.rows == batcher.metric("sluice_batcher_rows_written_total")
    assert sent + filtered == producer.metric("sluice_producer_events_received_total")
    assert filtered == producer.metric("sluice_producer_events_filtered_total", reason="canary") > 0
    assert messages == batcher.metric("sluice_batcher_messages_deleted_total")
    assert batcher.metric("sluice_batcher_freshness_seconds_count") == found.rows
    assert producer.metric("sluice_producer_buffered_events") == 0
    assert producer.metric("sluice_build_info", component="producer") == 1
    for child in (producer, batcher):
        assert child.get("/healthz")[0] == 200
        assert child.get("/readyz")[0] == 200
        text = child.get("/metrics")[1]
        _promtool(text)
        _bounded(text)

    rows = pipeline.rows()
    compactor = pipeline.start_compactor()
    until(
        lambda: compactor.metric("sluice_compactor_rows_written_total") == len(rows),
        "all rows in the table",
    )
    assert compactor.metric("sluice_build_info", component="compactor") == 1
    text = compactor.get("/metrics")[1]
    _promtool(text)
    _bounded(text)

    for child in (producer, batcher, compactor):
        lines = [json.loads(line) for line in child.output().splitlines() if line]
        assert {line["component"] for line in lines} == {child.name}
        assert not any(str(row["user"]) in child.output() for row in rows if len(row["user"]) > 8)
        assert "test/test" not in child.output()


LABELS = {
    "cause", "component", "format", "generation", "implementation", "kind", "le", "major", "minor",
    "patchlevel", "queue", "reason", "result", "state", "trigger", "version", "why", "wire",
}  # fmt: skip


def _bounded(text: str) -> None:
    """Each label is one whose values the code knows, and no event adds a series."""
    samples = [
        (family.name, sample)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    assert {label for _, sample in samples for label in sample.labels} <= LABELS
    assert len(samples) < 200
    assert not [sample.name for _, sample in samples if sample.name.endswith("_created")]


def _promtool(text: str) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing; CI installs it (Debian: prometheus)")
        return
    done = subprocess.run(
        [tool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    # The Python process collector's own names (python_gc_…) are not ours to judge.
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "sluice_" in line]
    assert not ours, ours
