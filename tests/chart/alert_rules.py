"""The chart's rules, and promtool on them: what the tests of alerts have in common."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "rules"
BEFORE = 100
"""Healthy minutes before each fault."""
POD = {
    "producer": 'namespace="lake",pod="rel-sluice-producer-w-5d8f-x1",job="rel-sluice-producer-w"',
    "batcher": 'namespace="lake",pod="rel-sluice-batcher-7c9-b1",job="rel-sluice-batcher"',
    "compactor": 'namespace="lake",pod="rel-sluice-compactor-9d4-c1",job="rel-sluice-compactor"',
}
VALUES = (
    "--namespace", "lake",
    "--set", "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true",
    "--set", "compactor.enabled=true,compactor.every=10m",
    "--set", "producers[0].name=w,producers[0].url=https://sse.example/x,producer.heartbeat=60s",
    "--set", "autoscaling.maxReplicas=4,metrics.prometheusRule.maxDeadLetterAge=6h",
)  # fmt: skip
BY_CRON = {"SluiceCompactionLate"}
"""The rules where the compactor is a CronJob."""
OF_OTHERS = {
    "up",
    "keda_scaled_object_errors_total",
    "keda_scaled_object_paused",
    "keda_scaler_metrics_value",
    "kube_pod_container_status_restarts_total",
    "kube_pod_container_status_last_terminated_reason",
    "kube_cronjob_created",
    "kube_cronjob_status_last_successful_time",
}
"""Series that Prometheus, KEDA (2.20) and kube-state-metrics export."""


@pytest.fixture(scope="module")
def groups(render):
    """All rules: those with the compactor as a Deployment, and what the CronJob has in their place."""

    def of(*values):
        return render(*VALUES, *values).one("PrometheusRule")["spec"]["groups"]

    deployment, cron = of(), of("--set", "compactor.every=")
    (compactor,) = [group for group in cron if group["name"].endswith("-compactor")]
    assert {rule["alert"] for rule in compactor["rules"]} == BY_CRON
    for group in deployment:
        if group["name"] == compactor["name"]:
            group["rules"] += compactor["rules"]
    return deployment


@pytest.fixture(scope="module")
def promtool():
    path = shutil.which("promtool")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing; CI installs it (Debian: prometheus)")
        pytest.skip("promtool is missing (Debian's package prometheus)")
    return path


def promtool_fails(promtool, tmp_path, groups, tests):
    """What promtool says of these tests; nothing when all is as expected."""
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": groups}))
    path = tmp_path / "test.yaml"
    asked = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    path.write_text(json.dumps(asked))  # JSON is YAML, and quicker
    done = subprocess.run(
        [promtool, "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
