"""The dashboards: made from code, one for each release, every metric on one, and what Grafana's dashboard linter asks."""

import json
import re
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry
from sluice_batcher.metrics import Metrics as BatcherMetrics
from sluice_compactor.metrics import Metrics as CompactorMetrics
from sluice_producer.metrics import Metrics as ProducerMetrics

PAGES = ("batcher", "lake", "overview", "producer", "scaling")
SCRAPED = ("--set", "compactor.every=10m")
PUSHED = ("--set", "compactor.pushgateway.url=http://gateway.monitoring.svc:9091")


@pytest.fixture(scope="module")
def source(pytestconfig):
    return pytestconfig.rootpath / "deploy" / "dashboards"


@pytest.fixture(scope="module")
def boards(render, everything_values):
    data = render(*everything_values, *SCRAPED, given=False).one("ConfigMap", "-dashboard")["data"]
    assert sorted(data) == [f"{page}.json" for page in PAGES]
    return {name.removesuffix(".json"): json.loads(text) for name, text in data.items()}


def panels(boards):
    return [
        (f"{name}: {panel['title']}", panel)
        for name, board in boards.items()
        for panel in board["panels"]
        if panel["type"] != "row"
    ]


def expressions(boards):
    return [
        (title, target["expr"]) for title, panel in panels(boards) for target in panel["targets"]
    ]


def test_the_dashboards_are_what_the_code_makes(source):
    done = subprocess.run(
        [sys.executable, str(source / "make.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_two_releases_have_dashboards_of_their_own(render, everything_values):
    def of(release):
        data = render(*everything_values, *SCRAPED, given=False, release=release)
        found = [json.loads(text) for text in data.one("ConfigMap", "-dashboard")["data"].values()]
        for board in found:
            uids = {link["url"].removeprefix("/d/") for link in board["links"]}
            assert uids == {other["uid"] for other in found} - {board["uid"]}
        return {(board["uid"], board["title"]) for board in found}

    one, other = of("one"), of("other")
    assert len(one | other) == 2 * len(PAGES)
    assert len({uid for uid, _ in one | other}) == len({title for _, title in one | other}) == 10
    assert all(len(uid) <= 40 for uid, _ in one), "Grafana's limit"


def test_a_dashboard_opens_on_its_own_release(render, everything_values):
    made = render(*everything_values, given=False, release="one")
    fullname = made.one("Deployment", "-batcher")["metadata"]["name"].removesuffix("-batcher")
    for text in made.one("ConfigMap", "-dashboard")["data"].values():
        chosen = {
            variable["name"]: variable["current"].get("value")
            for variable in json.loads(text)["templating"]["list"]
            if variable["name"] in ("namespace", "release")
        }
        assert chosen == {"namespace": "default", "release": fullname}


def test_two_names_within_one_release_have_dashboards_of_their_own(render, everything_values):
    """As a parent chart has that takes this one twice, under two aliases."""

    def of(name):
        made = render(*everything_values, "--set", f"nameOverride={name}", given=False)
        boards = map(json.loads, made.one("ConfigMap", "-dashboard")["data"].values())
        return {board["uid"] for board in boards}

    assert not of("wiki") & of("github")


def test_panels_take_the_pods_that_are_chosen_and_no_others(boards):
    """`wiki` is not `wiki-eu`, and one release's pods are not another's."""
    found = set(
        re.findall(r'pod=~"([^"]*producer[^"]*)"', " ".join(e for _, e in expressions(boards)))
    )
    (of_producers,) = {pattern for pattern in found if "$source" in pattern}
    taken = re.compile(of_producers.replace("$release", "one").replace("$source", "wiki"))
    assert taken.fullmatch("one-producer-wiki-7c9d5f8b6-x1y2z")
    for other in ("one-producer-wiki-eu-7c9d5f8b6-x1y2z", "two-one-producer-wiki-7c9d5f8b6-x1y2z"):
        assert not taken.fullmatch(other)
    for title, expr in expressions(boards):
        if "sluice_compactor" not in expr:
            for name, selector in re.findall(r"((?:sluice|process)_\w+)\{([^{}]*)\}", expr):
                assert 'pod=~"$release-' in selector, (title, name)


def test_what_is_gone_is_zero_and_not_nothing(boards):
    """Where there is no batcher, its series are gone too."""
    counts = [
        expr for _, expr in expressions(boards) if "count(" in expr and "sluice_build_info" in expr
    ]
    assert len(counts) == 2
    assert all(expr.endswith("or vector(0)") for expr in counts)


def test_the_schema_is_a_current_grafanas(boards):
    assert {board["schemaVersion"] for board in boards.values()} == {41}


def test_the_lakes_page_is_there_where_its_metrics_are(render, everything_values):
    def of(*values):
        made = render(*everything_values, *values, given=False)
        data = made.one("ConfigMap", "-dashboard")["data"]
        links = [link["url"] for text in data.values() for link in json.loads(text)["links"]]
        return set(data), any(url.endswith("-lake") for url in links)

    without, linked = of()
    assert not linked
    assert (without | {"lake.json"}, True) == of(*SCRAPED) == of(*PUSHED)
    assert "lake.json" not in without, "nobody scrapes a CronJob's pod"


def test_panels_lead_to_the_runbooks_of_their_alerts_where_grafana_can_go(
    render, everything_values, pytestconfig
):
    def of(base):
        value = f"metrics.prometheusRule.runbookBaseUrl={base}"
        made = render(*everything_values, *SCRAPED, "--set", value, given=False)
        boards = map(json.loads, made.one("ConfigMap", "-dashboard")["data"].values())
        return {
            panel["title"]: link["url"]
            for board in boards
            for panel in board["panels"]
            for link in panel.get("links", ())
        }

    assert of("docs/runbooks") == {}
    found = of("https://wiki.example/s/")
    assert found["Oldest raw object"] == "https://wiki.example/s/SluiceRawObjectsOld.md"
    assert len(found) > 25
    for url in found.values():
        alert = url.removeprefix("https://wiki.example/s/")
        assert (pytestconfig.rootpath / "docs" / "runbooks" / alert).is_file(), url


def test_every_metric_stands_on_a_panel_or_has_a_reason_not_to(boards, source):
    registry = CollectorRegistry()
    ProducerMetrics(registry, "packed")
    BatcherMetrics(registry, "csv")
    CompactorMetrics(registry)
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in registry.collect()
    }
    text = " ".join(expr for _, expr in expressions(boards))
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bsluice_\w+", text)}
    namespace = {}
    code = (source / "pages.py").read_text()
    exec(code[code.index("WITHOUT_A_PANEL") :].replace(": Final", ""), namespace)
    assert used - names == {"sluice_build_info"}
    assert names - used == namespace["WITHOUT_A_PANEL"].keys()


def test_what_keda_is_told_stands_on_the_page(render, everything_values):
    made = render(*everything_values, *SCRAPED, given=False)
    trigger = made.one("ScaledObject")["spec"]["triggers"][0]["metadata"]
    spec = made.one("ScaledObject")["spec"]
    text = made.one("ConfigMap", "-dashboard")["data"]["scaling.json"]
    wanted = f"/ {trigger['queueLength']}), {spec['minReplicaCount']}, {spec['maxReplicaCount']})"
    assert wanted in text
    chosen = {v["name"]: v for v in json.loads(text)["templating"]["list"]}["release"]["current"]
    assert f"{chosen['value']}-batcher" == made.one("ScaledObject")["metadata"]["name"]
    for boards in made.one("ConfigMap", "-dashboard")["data"].values():
        assert not re.findall(r"\b[A-Z]{3,}-[A-Z]+\b|UID-", boards), (
            "a word for the chart to put in"
        )


def test_variables_are_those_that_narrow_down(boards):
    for board in boards.values():
        given = {variable["name"]: variable for variable in board["templating"]["list"]}
        names = ["datasource", "namespace", "release", "job", "source", "pod", "instance"]
        assert list(given)[:7] == names
        assert given["datasource"]["query"] == "prometheus"
        for name in ("job", "instance"):
            assert given[name]["label"] == name.capitalize()
            assert (given[name]["multi"], given[name]["allValue"]) == (True, ".+")


def test_each_panel_has_a_title_words_a_unit_and_the_chosen_data_source(boards):
    for title, panel in panels(boards):
        assert panel["description"].endswith((".", "?")), title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"], title
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"]["uid"] == "${datasource}", title
    for name, board in boards.items():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids), name


def test_each_query_keeps_to_what_was_chosen(boards):
    for title, expr in expressions(boards):
        for name, selector in re.findall(r"(\w+)\{([^{}]*)\}", expr):
            if name.startswith("keda_"):  # its job and instance are KEDA's own
                assert re.fullmatch(
                    r'(exported_)?namespace=~"\$namespace",scaledObject=~"\$release-batcher"(,triggerIndex="0")?',
                    selector,
                ), (title, expr)
                continue
            for matcher in (
                'namespace=~"$namespace"',
                'job=~"$job"',
                'instance=~"$instance"',
            ):
                assert matcher in selector, (title, expr)
        ranges = set(re.findall(r"\}\[([^\]]+)\]", expr))
        assert ranges <= {"$__rate_interval", "$__range", "1h", "5m"}, (title, expr)
        for name, wrapped in re.findall(r"(\w+)\((?:sluice_|process_)(\w+)\{", expr):
            assert (name in ("rate", "increase")) is bool(
                re.search(r"_(total|bucket|count|sum)$", wrapped)
            ) or title.endswith(("Gap seconds (lost)", "Resume gaps")), (title, expr)
