"""A compactor that is a CronJob: its passes' metrics by a real Pushgateway into a real Prometheus."""

import sys
from pathlib import Path

import pytest
from harness.lakes import CloudLake
from harness.monitoring import ask, targets
from harness.processes import Children
from harness.waiting import until

sys.path.append(str(Path(__file__).parents[2] / "deploy" / "dashboards"))
from chosen import asked, of_the_chart

pytestmark = [pytest.mark.functional, pytest.mark.timeout(240)]

SELECTED = 'namespace="lake",job=~"(lake/)?rel-sluice-compactor"'
"""As the chart's rules select the compactor."""


def test_alerts_and_dashboard_see_what_a_cron_job_has_pushed(
    cloud, tmp_path, pushgateway, prometheus, pytestconfig
):
    gateway = pushgateway()
    lake = CloudLake(
        cloud,
        tmp_path / "log",
        {
            "SLUICE_HTTP_HOST": "127.0.0.1",
            "SLUICE_HTTP_PORT": "0",
            "SLUICE_PUSHGATEWAY": gateway,
            "SLUICE_PUSHGATEWAY_LABELS": "job=rel-sluice-compactor,namespace=lake",
        },
    )
    children = Children(tmp_path)

    def run(**settings):
        """One run of the CronJob's process; its exit code."""
        return children.start("compactor", "sluice_compactor", {**lake.environ, **settings}).wait(
            within=60
        )

    scraped = targets("gateways", gateway, namespace="monitoring", pod="gateway-6b7d-g1")
    address = prometheus([scraped | {"honor_labels": True}])

    def value(name):
        try:
            found = ask(address, f"sluice_compactor_{name}{{{SELECTED}}}")
        except OSError:
            return None
        assert len(found) < 2, "passes stand in each other's place"
        return found[0][1] if found else None

    def becomes(name, expected):
        until(lambda: value(name) == expected, f"{name}={expected}", seen=lambda: value(name))

    try:
        lake.put([f"e{n}" for n in range(10)])
        odd = lake.put_bytes(b"other\n1\n")
        assert run() == 0
        becomes("rows_written_total", 10)
        becomes("set_aside_objects", 1)
        passed = value("last_pass_timestamp_seconds")
        cloud.bucket.delete(odd)
        lake.put([f"e{n}" for n in range(5, 15)])
        assert run() == 0
        becomes("rows_written_total", 15)
        becomes("rows_read_total", 20)
        becomes("pass_seconds_count", 2)
        becomes("set_aside_objects", 0)
        assert value("last_pass_timestamp_seconds") > passed
        passed, committed = (value(f"last_{what}_timestamp_seconds") for what in ("pass", "commit"))
        without = {
            (panel.title, expr)
            for panel in asked(of_the_chart(pytestconfig.rootpath), namespace="lake", interval="1m")
            for expr, _ in panel.queries
            if panel.page == "lake"
        }
        assert len(without) > 15
        until(
            lambda: all(ask(address, expr) for _, expr in without),
            "data on every panel of the lake's page",
            seen=lambda: str([item for item in without if not ask(address, item[1])]),
        )
        # There is no such bucket: the pass fails, tells so in its metrics, and what it has not found out stays.
        (pushed,) = ask(address, f"push_time_seconds{{{SELECTED}}}")
        group = f"job=rel-sluice-compactor,namespace=lake,instance={cloud.name}/sluice.events"
        broken = {"SLUICE_BUCKET": "no-such-bucket", "SLUICE_PUSHGATEWAY_LABELS": group}
        assert run(**broken) != 0
        until(
            lambda: ask(address, f"push_time_seconds{{{SELECTED}}} > {pushed[1]}"),
            "the push of the pass that failed",
        )
        assert value("rows_written_total") == 15
        assert value("last_pass_timestamp_seconds") == passed
        assert value("last_commit_timestamp_seconds") == committed
    finally:
        children.close()
