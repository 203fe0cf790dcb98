"""What users add: to pods, to every object, beside the chart's own."""

import json

import pytest
import yaml
from sluice_batcher.rows.columns import load_columns

AS_DEPLOYMENT = (
    *("--set", "compactor.every=10m"),
    *("--set", "metrics.podMonitor.enabled=false,metrics.serviceMonitor.enabled=true"),
)


def pod(rendered, ending="-batcher"):
    """The pod of a Deployment, or of the CronJob where there is none."""
    made = (rendered.all("Deployment", ending) or rendered.all("CronJob", ending))[0]["spec"]
    return made.get("jobTemplate", {"spec": made})["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def everything(render, everything_values):
    return render(*everything_values, given=False)


@pytest.fixture(scope="module")
def deployed(render, everything_values):
    """The same with the compactor as a Deployment."""
    return render(*everything_values, *AS_DEPLOYMENT, given=False)


def test_an_extra_variable_takes_the_place_of_the_charts_own(everything):
    (container,) = pod(everything, "-producer-demo")["containers"]
    names = [e["name"] for e in container["env"]]
    assert len(names) == len(set(names))
    assert everything.environment("-producer-demo")["SLUICE_LOG_LEVEL"] == "DEBUG"
    assert everything.environment("-producer-demo")["A"] == "b"
    assert everything.environment("-producer-demo")["SLUICE_QUEUE"]


def test_the_last_of_two_extra_variables_counts(render):
    rendered = render(
        "--set-json", 'batcher.extraEnv=[{"name":"A","value":"1"},{"name":"A","value":"2"}]'
    )
    (container,) = pod(rendered)["containers"]
    assert [e["value"] for e in container["env"] if e["name"] == "A"] == ["2"]


@pytest.mark.parametrize(
    ("rendered", "ending"),
    [("everything", "-batcher"), ("everything", "-compactor"), ("deployed", "-compactor")],
)
def test_a_pod_takes_everything_that_pods_have(request, rendered, ending):
    spec = pod(request.getfixturevalue(rendered), ending)
    main, beside = spec["containers"]
    assert main["envFrom"] == [{"secretRef": {"name": "more"}}]
    assert {"name": "cache", "mountPath": "/cache"} in main["volumeMounts"]
    assert {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}} in spec["volumes"]
    assert beside["name"] == "beside"
    assert [c["name"] for c in spec["initContainers"]] == ["first"]
    assert spec["hostAliases"] == [{"ip": "10.0.0.1", "hostnames": ["sqs.internal"]}]
    assert spec["dnsPolicy"] == "ClusterFirst"
    assert spec["dnsConfig"]["options"] == [{"name": "ndots", "value": "2"}]
    assert spec["priorityClassName"] == "high"


@pytest.mark.parametrize("ending", ["-batcher", "-compactor"])
def test_probes_keep_what_is_not_changed(deployed, ending):
    main = pod(deployed, ending)["containers"][0]
    assert main["livenessProbe"]["periodSeconds"] == 30
    assert main["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert main["readinessProbe"]["exec"] == {"command": ["true"]}
    assert "httpGet" not in main["readinessProbe"]


@pytest.mark.parametrize("rendered", ["everything", "deployed"])
def test_every_object_bears_the_common_labels_and_annotations(request, rendered):
    rendered = request.getfixturevalue(rendered)
    ours = [o for o in rendered.objects if not o["metadata"]["name"].startswith("extra-")]
    assert len(ours) > 25
    for item in ours:
        name = (item["kind"], item["metadata"]["name"])
        assert item["metadata"]["labels"]["team"] == "data", name
        assert item["metadata"]["annotations"]["owner"] == "data@acme.example", name
        selector = item["spec"].get("selector") if "spec" in item else None
        assert "team" not in str(selector), name


def test_the_last_of_several_labels_counts_and_stands_once(render, everything_values):
    """The loader of these tests refuses a key that stands twice, as post-renderers do."""
    labels = {
        "commonLabels.release": "all",
        "commonLabels.app\\.kubernetes\\.io/part-of": "lake",
        "batcher.podLabels.release": "pods",
        "metrics.podMonitor.labels.release": "prometheus",
        "metrics.prometheusRule.labels.release": "rules",
        "metrics.dashboard.labels.release": "grafana",
    }
    values = [part for key, value in labels.items() for part in ("--set", f"{key}={value}")]
    for every in ("", "10m"):
        rendered = render(
            *everything_values, *values, "--set", f"compactor.every={every}", given=False
        )
        for kind, ending, expected in (
            ("PodMonitor", "-batcher", "prometheus"),
            ("PrometheusRule", "", "rules"),
            ("Deployment", "-batcher", "all"),
            ("Deployment", "-demo-source", "all"),
        ):
            found = rendered.one(kind, ending)["metadata"]["labels"]
            assert found["release"] == expected
            assert found["app.kubernetes.io/part-of"] == "lake"
        for item in rendered.all("Deployment"):
            template, selector = item["spec"]["template"], item["spec"]["selector"]["matchLabels"]
            assert selector.items() <= template["metadata"]["labels"].items()
            expected = "pods" if item["metadata"]["name"].endswith("-batcher") else "all"
            assert template["metadata"]["labels"]["release"] == expected


def test_objects_have_annotations_of_their_own(everything):
    found = {
        (o["kind"], o["metadata"]["name"]): o["metadata"].get("annotations", {})
        for o in everything.objects
    }
    assert found["Deployment", "rel-sluice-batcher"]["reloader.stakater.com/auto"] == "true"
    assert found["Service", "rel-sluice-batcher"]["g"] == "h"
    assert found["PodDisruptionBudget", "rel-sluice-batcher"]["e"] == "f"
    assert found["ScaledObject", "rel-sluice-batcher"]["i"] == "j"
    assert found["PodMonitor", "rel-sluice-batcher"]["k"] == "l"
    assert found["NetworkPolicy", "rel-sluice-batcher"]["m"] == "o"
    assert found["ServiceAccount", "rel-sluice-producer-other"]["role"] == "other"
    assert found["CronJob", "rel-sluice-compactor"]["reloader.stakater.com/auto"] == "true"


def test_the_compactors_deployment_and_service_have_annotations_too(deployed):
    annotations = deployed.one("Deployment", "-compactor")["metadata"]["annotations"]
    assert annotations["reloader.stakater.com/auto"] == "true"
    assert deployed.one("Service", "-compactor")["metadata"]["annotations"]["g"] == "h"


@pytest.mark.parametrize("component", ["producer", "batcher", "compactor"])
def test_every_value_that_a_component_may_have_is_in_its_values(pytestconfig, component):
    """values.yaml is what people read: a value that only the schema knows is as good as none."""
    chart = pytestconfig.rootpath / "deploy/helm/sluice"
    schema = json.loads((chart / "values.schema.json").read_text())
    values = yaml.safe_load((chart / "values.yaml").read_text())
    assert schema["properties"][component]["properties"].keys() == values[component].keys()


def test_a_source_may_have_an_account_of_its_own(everything):
    assert pod(everything, "-producer-other")["serviceAccountName"] == "rel-sluice-producer-other"
    assert pod(everything, "-producer-demo")["serviceAccountName"] == "rel-sluice-producer"


def test_extra_objects_are_templates(everything):
    assert everything.one("ConfigMap", "extra-one")["data"] == {"release": "rel"}
    assert everything.one("ConfigMap", "extra-two")


def test_global_values_come_before_the_charts_own(everything):
    images = {
        c["image"].partition("/")[0]
        for d in everything.all("Deployment")
        for c in d["spec"]["template"]["spec"]["containers"]
        if c["name"] != "beside"
    }
    assert images == {"mirror.example"}
    assert pod(everything)["imagePullSecrets"] == [
        {"name": "everybody"},
        {"name": "regcred"},
        {"name": "other"},
    ]


def test_certificates_are_trusted_by_all_clients(everything):
    for ending in ("-batcher", "-producer-demo"):
        environment = everything.environment(ending)
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            assert environment[name] == "/etc/sluice-ca/ca.crt"
        spec = pod(everything, ending)
        assert {"name": "ca", "configMap": {"name": "corporate-ca"}} in spec["volumes"]
        mounts = {m["name"]: m for m in spec["containers"][0]["volumeMounts"]}
        assert mounts["ca"]["mountPath"] == "/etc/sluice-ca"


def test_a_checkpoint_may_be_a_file_on_a_volume(everything):
    claim = everything.one("PersistentVolumeClaim")
    assert claim["metadata"]["name"] == "rel-sluice-producer-demo"
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    for name, used in (("demo", "rel-sluice-producer-demo"), ("other", "mine")):
        spec = pod(everything, f"-producer-{name}")
        volumes = {v["name"]: v for v in spec["volumes"]}
        assert volumes["checkpoint"]["persistentVolumeClaim"] == {"claimName": used}
        checkpoint = everything.environment(f"-producer-{name}")["SLUICE_CHECKPOINT"]
        assert checkpoint == f"file:///var/lib/sluice/{name}.json"


def test_the_autoscalers_behaviour_and_triggers(everything):
    spec = everything.one("ScaledObject")["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 30
    assert len(behavior["scaleUp"]["policies"]) == 2
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 60
    assert [t["type"] for t in spec["triggers"]] == ["aws-sqs-queue", "cron"]


@pytest.mark.parametrize("component", ["producer", "batcher", "compactor"])
def test_monitors(render, everything_values, component):
    made = render(*everything_values, "--set", "compactor.every=10m", given=False)
    monitor = made.one("PodMonitor", f"-{component}")
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["metadata"]["annotations"]["k"] == "l"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["default"]}
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("30s", "10s")
    assert endpoint["relabelings"][0]["targetLabel"] == "node"
    assert endpoint["metricRelabelings"][0]["action"] == "drop"


@pytest.mark.parametrize(
    "given",
    [
        '[{"name": "id", "path": "length.new", "type": "int64"}]',
        '{"columns": [{"name": "id", "path": "length.new", "type": "int64"}]}',
        '"- {name: id, path: length.new, type: int64}"',
        '"# a comment\\n- name: id\\n  path: length.new\\n  type: int64\\n"',
        '"columns:\\n- {name: id, path: length.new, type: int64}"',
    ],
)
def test_columns_as_a_list_a_map_or_a_files_text(render, tmp_path, given):
    rendered = render("--set", "batcher.columns=file", "--set-json", f"batcher.columnsFile={given}")
    file = tmp_path / "columns.yaml"
    file.write_text(rendered.one("ConfigMap", "-batcher-files")["data"]["columns.yaml"])
    (column,) = load_columns(str(file)).columns
    assert (column.name, column.path, column.kind) == ("id", ("length", "new"), "int64")


def test_the_readmes_columns_work(render, tmp_path, pytestconfig):
    readme = (pytestconfig.rootpath / "deploy/helm/sluice/README.md").read_text()
    _, _, rest = readme.partition("## Columns of your own\n")
    lines = rest.partition("\n## ")[0].splitlines()
    values = tmp_path / "values.yaml"
    values.write_text("\n".join(line[4:] for line in lines if line.startswith("    ")))
    assert yaml.safe_load(values.read_text())["batcher"]["columns"] == "file"
    file = tmp_path / "columns.yaml"
    rendered = render("-f", str(values))
    file.write_text(rendered.one("ConfigMap", "-batcher-files")["data"]["columns.yaml"])
    assert len(load_columns(str(file)).columns) >= 3


def test_a_changed_secret_of_the_charts_own_restarts(everything):
    for ending in ("-batcher", "-producer-demo"):
        template = everything.one("Deployment", ending)["spec"]["template"]
        assert len(template["metadata"]["annotations"]["checksum/secret"]) == 64
