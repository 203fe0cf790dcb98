"""Which series the rules take, whatever scrapes them: all of their own release's, and none of another's beside it."""

import json
import re

import pytest
from alert_cases import cases, promtool_test
from alert_rules import POD, VALUES, promtool_fails

FULL = {"rel": "rel-sluice", "other": "other-sluice"}
NO_MONITOR = "metrics.serviceMonitor.enabled=false"
SCRAPED = {
    "ServiceMonitor": "",
    "PodMonitor": f"{NO_MONITOR},metrics.podMonitor.enabled=true",
    "PodMonitor elsewhere": f"{NO_MONITOR},metrics.podMonitor.enabled=true,metrics.podMonitor.namespace=monitoring",
    "annotations": f"{NO_MONITOR},metrics.annotations=true",
}
SELECTOR = re.compile(r'\b((?:sluice|process|kube)_\w+|up)\{((?:[^}"]|"[^"]*")*)\}')
MATCHER = re.compile(r'\s*,?(\w+)(=~|=)"([^"]*)"')
OF_KUBERNETES = "kube_"


def matches(matchers, labels):
    """Whether the matchers of `namespace`, `pod` and `job` take a series with these labels."""
    return all(
        re.fullmatch(value, labels[name]) if operator == "=~" else value == labels[name]
        for name, operator, value in MATCHER.findall(matchers)
        if name in labels
    )


def labels_of(made, release):
    """Component → the labels of its pod as the operator's monitors give them, or a job that scrapes by annotation."""
    jobs = {}
    for monitor in made.all("ServiceMonitor") + made.all("PodMonitor"):
        asked = monitor["spec"]["selector"]["matchLabels"]
        own = monitor["metadata"]
        component = asked["app.kubernetes.io/component"]
        if monitor["kind"] == "PodMonitor":
            jobs[component] = f"{own['namespace']}/{own['name']}"
            continue
        (jobs[component],) = [
            service["metadata"]["name"]
            for service in made.all("Service")
            if asked.items() <= service["metadata"]["labels"].items()
        ]
    found = {}
    for component, labels in POD.items():
        namespace, pod = re.findall(r'(?:namespace|pod)="([^"]+)"', labels)
        found[component] = {
            "namespace": namespace,
            "pod": pod.replace(FULL["rel"], FULL[release]),
            "job": jobs.get(component, "kubernetes-pods"),
        }
    return found


def expressions(made):
    groups = made.one("PrometheusRule")["spec"]["groups"]
    return [(r.get("alert", r.get("record")), r["expr"]) for g in groups for r in g["rules"]]


def asked_of(name, matchers):
    """The components that a selector asks for."""
    found = re.match(r"sluice_(producer|batcher|compactor)_", name) or re.search(
        r'component="(\w+)"', matchers
    )
    if found:
        return {found[1]}
    named = {component for component in POD if f"-{component}-" in matchers}
    return named or set(POD)


@pytest.mark.parametrize("scraped", SCRAPED)
def test_each_selector_takes_its_own_release_alone(render, scraped):
    made = {
        release: render(*VALUES, "--set", SCRAPED[scraped], release=release)
        if SCRAPED[scraped]
        else render(*VALUES, release=release)
        for release in FULL
    }
    ours, others = (labels_of(made[release], release) for release in FULL)
    seen = set()
    for alert, expression in expressions(made["rel"]):
        for name, matchers in SELECTOR.findall(expression):
            for component in asked_of(name, matchers):
                seen.add(component)
                labels = ours[component]
                if name.startswith(OF_KUBERNETES):
                    labels = {key: labels[key] for key in ("namespace", "pod")}
                assert matches(matchers, labels), (alert, name, labels)
            for labels in others.values():
                taken = matches(matchers, {"cronjob": "other-sluice-compactor"} | labels)
                assert not taken, (alert, name, labels)
    assert seen == set(POD)


def test_a_matcher_that_takes_another_release_would_be_found():
    labels = {"namespace": "lake", "pod": "other-sluice-batcher-7c9-b1", "job": "x"}
    assert matches('namespace="lake"', labels)
    assert not matches('namespace="lake",pod=~"rel-sluice-batcher-.+"', labels)
    assert not matches('namespace="lake",job=~"(lake/)?rel-sluice-batcher"', labels)


def test_the_monitors_scrape_each_service_that_has_rules(render):
    for scraped in ("ServiceMonitor", "PodMonitor", "PodMonitor elsewhere"):
        values = SCRAPED[scraped]
        made = render(*VALUES, "--set", values) if values else render(*VALUES)
        found = made.all(scraped.split()[0])
        assert {m["metadata"]["name"] for m in found} == {f"rel-sluice-{name}" for name in POD}


def renamed(test):
    """The same test about another release of the namespace: its series, and what its alerts would be."""
    text = json.dumps(test["input_series"])
    return json.loads(text.replace("rel-sluice", "other-sluice"))


@pytest.mark.parametrize("alert", ["SluiceTargetDown", "SluiceSentNotWritten", "SluiceNotWriting"])
def test_without_a_monitor_two_releases_of_a_namespace_do_not_answer_for_each_other(
    render, promtool, tmp_path, monkeypatch, alert
):
    for name, labels in POD.items():
        monkeypatch.setitem(POD, name, re.sub('job="[^"]*"', 'job="kubernetes-pods"', labels))
    made = render(*VALUES, "--set", SCRAPED["annotations"])
    groups = made.one("PrometheusRule")["spec"]["groups"]
    faulty = promtool_test(alert, cases()[alert])
    healthy = promtool_test(alert, {**cases()[alert], "series": {}})
    of_other = {**faulty, "promql_expr_test": []}
    for check in faulty["promql_expr_test"]:
        of_other["promql_expr_test"].append(check | {"exp_samples": []})
    of_other["input_series"] = healthy["input_series"] + renamed(faulty)
    faulty["input_series"] = faulty["input_series"] + renamed(healthy)
    assert promtool_fails(promtool, tmp_path, groups, [faulty, of_other]) == ""
