"""Alerts that go by kube-state-metrics, on what a real one has told: rules/kube-state-metrics.prom."""

import json
import re

import pytest
from alert_rules import BEFORE, CASES, OF_OTHERS, POD, promtool_fails
from prometheus_client.parser import text_string_to_metric_families


def recorded():
    """What a real kube-state-metrics has told of a release: family → its samples."""
    text = (CASES / "kube-state-metrics.prom").read_text()
    return {family.name: family.samples for family in text_string_to_metric_families(text)}


def as_scraped(sample, values):
    """A series with the labels that a scrape with honorLabels leaves it, and adds."""
    labels = sample.labels | {"job": "kube-state-metrics", "instance": "10.244.0.9:8080"}
    given = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
    return {"series": f"{sample.name}{{{given}}}", "values": values}


def test_the_recording_has_each_series_of_kube_state_metrics_that_the_rules_ask_for(groups):
    asked = set(re.findall(r"kube_\w+", json.dumps(groups)))
    assert asked == {name for name in OF_OTHERS if name.startswith("kube_")}
    assert asked == {sample.name for samples in recorded().values() for sample in samples}


def test_what_is_said_of_pods_is_said_of_each_service(groups):
    asked = re.findall(r'kube_pod_\w+{[^}]*pod=~"([^"]+)"', " ".join(_expressions(groups)))
    assert len(asked) == 3
    for pods in asked:
        for labels in POD.values():
            assert re.fullmatch(pods, re.search('pod="([^"]+)"', labels)[1])
        assert not re.fullmatch(pods, "rel-sluice-localstack-cbb8bcf58-9ddb6")


def _expressions(groups):
    return [str(rule["expr"]) for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("once_succeeded", [True, False])
def test_alerts_fire_on_what_kube_state_metrics_tells(groups, promtool, tmp_path, once_succeeded):
    series, late = [], {sample.labels["namespace"] for sample in recorded()["kube_cronjob_created"]}
    for name, samples in recorded().items():
        for sample in samples:
            if name == "kube_pod_container_status_restarts":
                series.append(as_scraped(sample, f"0x{BEFORE - 1} {sample.value:.0f}x300"))
            elif name == "kube_pod_container_status_last_terminated_reason":
                series.append(as_scraped(sample, f"_x{BEFORE} {sample.value:.0f}x300"))
            elif once_succeeded or name == "kube_cronjob_created":
                series.append(as_scraped(sample, "0x500"))  # promtool's time begins at 0
    (killed,) = recorded()["kube_pod_container_status_last_terminated_reason"]

    def at(minute, alerts):
        return {
            "expr": 'count by (alertname, namespace, pod) (ALERTS{alertstate="firing",alertname=~"SluiceRestarts|SluiceOutOfMemory|SluiceCompactionLate"})',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": labels, "value": 1} for labels in alerts],
        }

    pod = f'namespace="lake",pod="{killed.labels["pod"]}"'
    of_pod = [f'{{alertname="{name}",{pod}}}' for name in ("SluiceRestarts", "SluiceOutOfMemory")]
    of_cron = [f'{{alertname="SluiceCompactionLate",namespace="{name}"}}' for name in late]
    checks = [at(BEFORE - 1, []), at(BEFORE + 5, of_pod), at(BEFORE + 70, []), at(250, of_cron)]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": checks}
    assert promtool_fails(promtool, tmp_path, groups, [test]) == ""
