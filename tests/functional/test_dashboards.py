"""Every query of every dashboard, asked of a real Prometheus that scrapes the real services, gives data."""

import sys
from pathlib import Path

import pytest
from harness.monitoring import ask, targets
from harness.source import ENDLESS
from harness.waiting import until

sys.path.append(str(Path(__file__).parents[2] / "deploy" / "dashboards"))
from chosen import asked, of_the_chart

pytestmark = [pytest.mark.functional, pytest.mark.timeout(180)]


def test_every_panel_has_data(make_pipeline, prometheus, pytestconfig):
    pipeline = make_pipeline(ENDLESS, rate=300)
    producer = pipeline.start_producer(SLUICE_HEARTBEAT="1s")
    batcher = pipeline.start_batcher()
    pipeline.written(300)
    jobs = {
        "rel-sluice-producer-w": producer.url,
        "rel-sluice-batcher": batcher.url,
        "rel-sluice-compactor": pipeline.start_compactor().url,
    }
    address = prometheus(
        [
            targets(job, url, namespace="lake", pod=f"{job}-7c9d5f8b6-x1y2z")
            for job, url in jobs.items()
        ]
    )
    boards = of_the_chart(pytestconfig.rootpath)
    without = {
        (panel.page, panel.title, expr)
        for panel in asked(boards, namespace="lake", interval="5s")
        for expr, _ in panel.queries
        if "keda_" not in expr  # the cluster has one: tests/e2e/test_scaling.py
    }
    assert len(without) > 60

    def empty():
        for item in sorted(without):
            if ask(address, item[2]):
                without.discard(item)
        return not without

    def answers():
        try:
            return empty()
        except OSError:
            return False

    until(answers, "data on every panel", deadline=90, pause=1, seen=lambda: str(sorted(without)))
