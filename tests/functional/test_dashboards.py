"""Every query of every dashboard, asked of a real Prometheus that scrapes the real services, gives data."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from harness.source import ENDLESS
from harness.waiting import until
from sluice_local.ports import free_port

sys.path.append(str(Path(__file__).parents[2] / "deploy" / "dashboards"))
from chosen import asked, of_the_chart

pytestmark = [pytest.mark.functional, pytest.mark.timeout(180)]


@pytest.fixture
def prometheus(tmp_path):
    """`prometheus({"job": url})` starts one that scrapes each second; gives its address."""
    program = shutil.which("prometheus")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("prometheus is missing; CI installs it (Debian: prometheus)")
        pytest.skip("prometheus is missing (Debian's package prometheus)")
    running = []

    def start(jobs):
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [
                        {
                            "targets": [url.removeprefix("http://")],
                            "labels": {"namespace": "lake", "pod": f"{job}-7c9d5f8b6-x1y2z"},
                        }
                    ],
                }
                for job, url in jobs.items()
            ],
        }
        path = tmp_path / "prometheus.yaml"
        path.write_text(yaml.safe_dump(config))
        address = f"127.0.0.1:{free_port()}"
        with (tmp_path / "prometheus.log").open("w") as log:
            running.append(
                subprocess.Popen(
                    [
                        program,
                        f"--config.file={path}",
                        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                        f"--web.listen-address={address}",
                    ],
                    stdout=log,
                    stderr=log,
                )
            )
        return f"http://{address}"

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


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
    address = prometheus(jobs)
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
            query = urlencode({"query": item[2]})
            with urlopen(f"{address}/api/v1/query?{query}", timeout=5) as answer:
                found = json.load(answer)["data"]["result"]
            if any(sample["value"][1] != "NaN" for sample in found):
                without.discard(item)
        return not without

    def answers():
        try:
            return empty()
        except OSError:
            return False

    until(answers, "data on every panel", deadline=90, pause=1, seen=lambda: str(sorted(without)))
