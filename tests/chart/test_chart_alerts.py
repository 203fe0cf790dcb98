"""Each alert of the chart, by promtool: silent while all is well, firing in its fault and alone, over after it.

tests/chart/rules/ holds what Prometheus sees: healthy.yaml while nothing is wrong, and by alert what is different
in its fault, from minute 0 on. Values are promtool's (`1x20` is twenty-one samples), a last one without a count
goes on. `gone: {producer: 20}` takes all series of a service away for so many minutes. Where two rules are one alert
for two services, each has a case: `SluiceDeadLetters (producer)`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from alert_cases import cases, minutes, promtool_test
from alert_rules import BY_CRON, CASES, OF_OTHERS, POD, VALUES, promtool_fails
from sluice_batcher.metrics import Metrics as BatcherMetrics
from sluice_compactor.metrics import Metrics as CompactorMetrics
from sluice_core.service.telemetry import make_registry
from sluice_producer.metrics import Metrics as ProducerMetrics

PUSHED = (
    'namespace="lake",pod="gateway-6b7d-g1",job="rel-sluice-compactor",instance="b/sluice.events"'
)
"""The compactor's labels in a Pushgateway that is scraped with honor_labels: but for the pod's they are the release's."""


def covered():
    """The alerts that have a case."""
    return {name.split()[0] for name in cases()}


@pytest.fixture(scope="module")
def alerts(groups):
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@pytest.mark.parametrize("alert", sorted(cases()))
def test_an_alert_fires_in_its_fault_alone_and_no_longer(groups, promtool, tmp_path, alert):
    test = promtool_test(alert, cases()[alert])
    assert promtool_fails(promtool, tmp_path, groups, [test]) == ""


@pytest.mark.parametrize("alert", ["CompactorFailing", "CompactorSetAside", "RawObjectsOld"])
def test_the_compactors_alerts_know_what_its_cron_job_has_pushed(
    render, promtool, tmp_path, monkeypatch, alert
):
    monkeypatch.setitem(POD, "compactor", PUSHED)
    pushed = yaml.safe_load((CASES / "pushed" / "compactor.yaml").read_text())
    values = ("--set", "compactor.every=,compactor.pushgateway.url=http://gateway.example:9091")
    groups = render(*VALUES, *values).one("PrometheusRule")["spec"]["groups"]
    test = promtool_test(f"Sluice{alert}", pushed[f"Sluice{alert}"])
    assert promtool_fails(promtool, tmp_path, groups, [test]) == ""


def test_every_rule_has_a_case_in_which_it_is_silent_fires_and_is_over(alerts):
    names = [rule["alert"] for rule in alerts]
    by_name = {
        f"{rule['alert']} ({rule['labels']['service']})"
        if names.count(rule["alert"]) > 1
        else rule["alert"]: rule
        for rule in alerts
    }
    assert len(by_name) == len(alerts)
    assert by_name.keys() == cases().keys()
    for name, case in cases().items():
        silent = case["silent"] if isinstance(case["silent"], list) else [case["silent"]]
        times = [*map(minutes, silent), minutes(case["fires"]), minutes(case["resolved"])]
        assert times == sorted(set(times)), name
        assert case.keys() <= {"series", "gone", "silent", "fires", "with", "resolved"}, name
        assert case.keys() & {"series", "gone"}, f"{name}: nothing happens"
        assert silent or "for" not in by_name[name], f"{name}: is it silent while it waits?"


def test_every_alert_has_a_case_a_runbook_and_what_its_reader_needs(alerts, pytestconfig):
    assert {rule["alert"] for rule in alerts} == covered()
    pages = pytestconfig.rootpath / "docs" / "runbooks"
    for rule in alerts:
        name = rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical"), name
        assert rule["labels"]["release"] == "rel", name
        assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys(), name
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md", name
        page = (pages / f"{name}.md").read_text()
        assert f"\nSeverity: {rule['labels']['severity']}." in page, name
        parts = [line for line in page.splitlines() if line.startswith("#")]
        assert parts == [f"# {name}", "## What it means", "## Look at", "## Do"], name
    written = {path.stem for path in pages.glob("Sluice*.md")}
    assert written == {rule["alert"] for rule in alerts}


def test_the_reference_is_made_from_the_rules(helm, pytestconfig):
    """tests/repo compares the other pages; this one is helm's to render."""
    done = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"],
        cwd=pytestconfig.rootpath,
        env=os.environ | {"PATH": f"{Path(helm).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (pytestconfig.rootpath / "docs/reference/alerts.md").read_text()
    for alert in covered():
        assert f"[{alert}](../runbooks/{alert}.md)" in page, alert
        assert f"\n{alert}:\n  " in page, alert


def exported():
    """Names of all samples that the services export."""
    registry = make_registry("x")
    ProducerMetrics(registry, "packed")
    BatcherMetrics(registry, "csv")
    CompactorMetrics(registry)
    return {sample.name for family in registry.collect() for sample in family.samples}


def test_every_series_of_the_rules_is_one_that_somebody_exports(groups):
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    used = {
        name
        for rule in rules
        for name in re.findall(r"\b((?:sluice|keda|kube|process)[a-z_0-9:]*|up)\{", rule["expr"])
    }
    assert "up" in used
    assert used - exported() - recorded - OF_OTHERS == set()
    healthy = yaml.safe_load((CASES / "healthy.yaml").read_text())
    assert used - recorded - {name.partition("{")[0] for name in healthy} == {
        "kube_pod_container_status_last_terminated_reason"
    }, "a series that healthy.yaml lacks makes a rule silent for the wrong reason"


def test_promtool_takes_the_rules(groups, promtool, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    done = subprocess.run(
        [promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(len(group['rules']) for group in groups)} rules found" in done.stdout


def test_an_alert_can_be_left_out_and_all_can_be_added_to(render, refusal):
    values = {
        "disabled": {"SluiceTinyObjects": True, "SluiceStreamLag": False},
        "ruleLabels": {"team": "lake", "severity": "page"},
        "ruleAnnotations": {"dashboard": "https://grafana.example/d/x"},
        "runbookBaseUrl": "https://wiki.example/sluice/",
        "additionalGroups": [{"name": "ours", "rules": [{"alert": "Ours", "expr": "vector(1)"}]}],
    }
    arguments = (*VALUES, "--set-json", f"metrics.prometheusRule={json.dumps(values)}")
    arguments += ("--set", "metrics.prometheusRule.enabled=true")
    groups = render(*arguments).one("PrometheusRule")["spec"]["groups"]
    found = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
    assert found.keys() == covered() - BY_CRON - {"SluiceTinyObjects"} | {"Ours"}
    lag = found["SluiceStreamLag"]
    assert lag["labels"] == {"severity": "warning", "team": "lake", "release": "rel"}
    assert lag["annotations"]["dashboard"] == "https://grafana.example/d/x"
    assert lag["annotations"]["runbook_url"] == "https://wiki.example/sluice/SluiceStreamLag.md"
    error = refusal(*VALUES, "--set", "metrics.prometheusRule.disabled.SluiceTinyObject=true")
    assert "there is no alert SluiceTinyObject" in error
    assert "SluiceTinyObjects" in error


def test_no_batcher_is_right_while_the_queue_is_empty(render):
    values = ("--set", "autoscaling.minReplicas=0,producer.heartbeat=0")
    groups = render(*VALUES, *values).one("PrometheusRule")["spec"]["groups"]
    (absent,) = [
        rule["expr"]
        for group in groups
        for rule in group["rules"]
        if rule.get("alert") == "SluiceBatcherAbsent"
    ]
    assert "sluice_producer_queue_messages" in absent


@pytest.mark.parametrize("one", ["wiki-en", "wikimedia-english", "abcdefghijklmnopq-en"])
@pytest.mark.parametrize("full", ["r", "r" * 24, "r" * 33])
def test_the_pods_of_one_source_are_found_and_those_of_another_are_not(render, full, one):
    other = one.replace("-en", "-de")
    sources = "".join(
        f",producers[{n}].name={name},producers[{n}].url=https://sse.example/{n}"
        for n, name in enumerate((one, other))
    )
    groups = render(*VALUES, "--set", f"fullnameOverride={full}{sources}").one("PrometheusRule")
    patterns = {
        rule["labels"]["source"]: re.search(r'pod=~"([^"]+)"', rule["expr"])[1]
        for group in groups["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "SluiceProducerAbsent"
    }
    # As Kubernetes makes a name: cut at 58 characters, and five of chance.
    pods = {name: f"{full}-producer-{name}-5d8f6c7b9d-"[:58] + "x7k2p" for name in (one, other)}
    assert re.fullmatch(patterns[one], pods[one])
    assert re.fullmatch(patterns[other], pods[other])
    told_apart = f"{full}-producer-{one}"[:58] != f"{full}-producer-{other}"[:58]
    assert bool(re.fullmatch(patterns[one], pods[other])) is not told_apart


def test_a_threshold_of_nothing_leaves_its_alert_out(render):
    arguments = (
        *VALUES,
        "--set", "autoscaling.enabled=false",
        "--set", "metrics.prometheusRule.minRowsPerObject=0",
        "--set", "metrics.prometheusRule.maxLagSeconds=null,metrics.prometheusRule.maxNulledPerRow=null",
        "--set", "metrics.prometheusRule.freshness.seconds=null",
        # What is left out by its threshold may be switched off, too.
        "--set", "metrics.prometheusRule.disabled.SluiceTinyObjects=true",
    )  # fmt: skip
    groups = render(*arguments).one("PrometheusRule")["spec"]["groups"]
    found = {rule.get("alert", "recorded") for group in groups for rule in group["rules"]}
    assert covered() - BY_CRON - found == {
        "SluiceBacklogAtMaxReplicas",
        "SluiceScalerErrors",
        "SluiceScalerFallback",
        "SluiceScalerAbsent",
        "SluiceScalingPaused",
        "SluiceTinyObjects",
        "SluiceStreamLag",
        "SluiceValuesNulled",
        "SluiceFreshnessBurnsFast",
        "SluiceFreshnessBurnsSlowly",
    }
    assert "recorded" not in found


def test_an_objective_that_no_row_could_miss_fast_enough_is_refused(render, refusal):
    name = "metrics.prometheusRule.freshness.objective"
    error = refusal(*VALUES, "--set-json", f"{name}=0.93")
    assert "objective" in error
    assert "0.94" in error
    groups = render(*VALUES, "--set-json", f"{name}=0.94").one("PrometheusRule")["spec"]["groups"]
    thresholds = [
        float(threshold)
        for group in groups
        for rule in group["rules"]
        if rule.get("alert", "").startswith("SluiceFreshness")
        for threshold in re.findall(r"> ([0-9.]+)", rule["expr"])
    ]
    assert len(thresholds) == 4
    assert max(thresholds) < 0.9
