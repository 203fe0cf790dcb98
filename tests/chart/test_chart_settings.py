"""The services take the settings that the chart gives them: names, values, and rules between them."""

import sys
from pathlib import Path

import pytest
from sluice_batcher.settings import BatcherSettings
from sluice_compactor.settings import CompactorSettings
from sluice_core.settings import CommonSettings, describe_settings, load_settings
from sluice_producer.settings import ProducerSettings

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from chart_values import in_chart


@pytest.mark.parametrize(
    "values", ["default", "kind_values", "production_values", "everything_values"]
)
def test_the_services_take_them(render, request, values):
    given = values in ("default", "production_values")
    rendered = render(
        *(() if values == "default" else request.getfixturevalue(values)), given=given
    )
    for deployment in rendered.all("Deployment"):
        name = deployment["metadata"]["name"]
        settings = {"-batcher": BatcherSettings, "-producer": ProducerSettings}.get(
            "-" + name.split("-")[2]
        )
        if settings is None:
            continue
        environment = rendered.environment(name)
        known = {doc.variable for doc in describe_settings(settings)}
        assert {n for n in environment if n.startswith("SLUICE_")} <= known, name
        load_settings(settings, {n: v for n, v in environment.items() if isinstance(v, str)})


def test_an_empty_prefix_is_the_buckets_root(render):
    environment = render("--set", "bucket.prefix=").environment("-batcher")
    given = {n: v for n, v in environment.items() if isinstance(v, str)}
    assert load_settings(BatcherSettings, given).prefix == ""


@pytest.mark.parametrize("every", ["", "10m"])
def test_the_compactor_takes_its_settings_as_a_cron_job_and_as_a_deployment(render, every):
    rendered = render(
        "--set",
        "compactor.enabled=true",
        "--set",
        f"compactor.every={every}",
        "--set-string",
        "compactor.maxMemory=1GiB",
        "--set",
        "compactor.eventId=payload.id",
        "--set",
        "networkPolicy.enabled=true",
    )
    kind = "Deployment" if every else "CronJob"
    made = rendered.one(kind, "-compactor")["spec"]
    pod = (made if every else made["jobTemplate"]["spec"])["template"]["spec"]
    (container,) = pod["containers"]
    environment = {e["name"]: e["value"] for e in container["env"] if "value" in e}
    known = {doc.variable for doc in describe_settings(CompactorSettings)}
    assert {n for n in environment if n.startswith("SLUICE_")} <= known
    settings = load_settings(CompactorSettings, environment)
    assert settings.lake_every == (600 if every else None)
    assert settings.lake_max_memory == 2**30
    assert settings.id_rule == ("payload", "id")
    assert pod["serviceAccountName"].endswith("-compactor")
    assert rendered.one("ServiceAccount", "-compactor")
    assert rendered.one("NetworkPolicy", "-compactor")
    assert settings.pushgateway is None
    if not every:
        assert made["concurrencyPolicy"] == "Forbid"
        assert made["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 3000
        assert pod["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("key", "given"),
    [("url", "http://gateway.monitoring.svc:9091"), ("existingSecret", "push")],
)
def test_the_cron_job_pushes_its_metrics_under_the_releases_labels(render, key, given):
    values = ("--set", "compactor.enabled=true", "--set", f"compactor.pushgateway.{key}={given}")
    pod = render("--namespace", "lake", *values).one("CronJob")["spec"]["jobTemplate"]["spec"]
    (container,) = pod["template"]["spec"]["containers"]
    environment = {e["name"]: e.get("value", e.get("valueFrom")) for e in container["env"]}
    url = environment.pop("SLUICE_PUSHGATEWAY")
    expected = {"secretKeyRef": {"name": "push", "key": "SLUICE_PUSHGATEWAY"}}
    assert url == (given if key == "url" else expected)
    texts = {n: v for n, v in environment.items() if isinstance(v, str)}
    labels = load_settings(CompactorSettings, texts).pushed_labels
    assert labels == {
        "job": "rel-sluice-compactor",
        "namespace": "lake",
        "instance": "sse-bucket/sluice.events",
    }


def test_without_the_compactor_nothing_of_it_is_made(render):
    assert not [o for o in render().objects if o["metadata"]["name"].endswith("-compactor")]


WHAT_IS_EMPTY_BY_DEFAULT = """
aws: {endpointUrl: "https://a.example", sqsEndpointUrl: "https://b.example", s3EndpointUrl: "https://c.example"}
queue: {dlq: dead}
bucket: {encryption: {sse: "aws:kms", kmsKeyId: key, bucketKey: true}}
producer: {existingSecret: source, events: [update], eventId: sse, checkpoint: "s3://b/k"}
producers: [{name: one, url: "https://sse.example/x", preset: generic}]
batcher: {compression: gzip, compressionLevel: 5, eventTime: at, transform: {code: "def transform(rows): return rows"}}
compactor: {enabled: true, catalog: glue, eventId: sha256}
"""


@pytest.fixture
def all_set(tmp_path):
    path = tmp_path / "values.yaml"
    path.write_text(WHAT_IS_EMPTY_BY_DEFAULT)
    return ("-f", str(path))


@pytest.mark.parametrize(
    ("component", "settings"),
    [
        ("producer", ProducerSettings),
        ("batcher", BatcherSettings),
        ("compactor", CompactorSettings),
    ],
)
def test_the_reference_says_which_value_sets_each(render, all_set, component, settings):
    """The page reads the templates; here helm has the word: what has a value is there when all values are set."""
    ways = ("every=10m", "pushgateway.url=http://push.example")
    objects = [o for way in ways for o in render(*all_set, "--set", f"compactor.{way}").objects]
    pods = [o["spec"] for o in objects if o["kind"] == "Deployment"]
    pods += [o["spec"]["jobTemplate"]["spec"] for o in objects if o["kind"] == "CronJob"]
    made = {
        variable["name"]
        for pod in pods
        if pod["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == component
        for variable in pod["template"]["spec"]["containers"][0]["env"]
    }
    common = {doc.variable for doc in describe_settings(CommonSettings)}
    cells = {
        doc.variable: in_chart(None if doc.variable in common else component, doc.variable)
        for doc in describe_settings(settings)
    }
    if component == "compactor":  # the two others have a value for it, which that page names
        made.add("SLUICE_SHUTDOWN_GRACE")
    assert {name for name, cell in cells.items() if "extraEnv" not in cell} == made & cells.keys()
    assert any("extraEnv" in cell for cell in cells.values())
