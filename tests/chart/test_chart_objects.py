"""What the chart makes of its values."""

import json

import pytest
import yaml


def pods(rendered):
    """Name → pod specification, of Deployments and test pods."""
    found = {
        o["metadata"]["name"]: o["spec"]["template"]["spec"] for o in rendered.all("Deployment")
    }
    return found | {o["metadata"]["name"]: o["spec"] for o in rendered.all("Pod")}


def test_the_defaults_are_the_article(render):
    rendered = render()
    environment = rendered.environment("-batcher")
    assert environment["SLUICE_FORMAT"] == "csv"
    assert environment["SLUICE_COLUMNS"] == "article"
    assert environment["SLUICE_BATCH_MAX_ROWS"] == "100"
    assert "SLUICE_COMPRESSION" not in environment
    producer = rendered.environment("-producer-wikimedia")
    assert producer["SLUICE_WIRE"] == "packed"
    assert producer["SLUICE_PACK_MAX_BYTES"] == "65536"
    assert producer["SLUICE_SOURCE_NAME"] == "wikimedia"


def test_production_is_the_lake(render, production_values):
    rendered = render(*production_values)
    environment = rendered.environment("-batcher")
    assert (environment["SLUICE_FORMAT"], environment["SLUICE_COMPRESSION"]) == ("parquet", "zstd")
    assert environment["SLUICE_BATCH_MAX_ROWS"] == "50000"
    assert environment["SLUICE_COLUMNS"] == "recentchange"
    assert rendered.environment("-producer-wikimedia")["SLUICE_PACK_MAX_EVENTS"] == "0"
    assert "AWS_ACCESS_KEY_ID" not in environment
    for kind in ("PodDisruptionBudget", "PrometheusRule"):
        rendered.one(kind)
    assert len(rendered.all("ServiceMonitor")) == 2
    assert len(rendered.all("NetworkPolicy")) == 3
    spread = rendered.one("Deployment", "-batcher")["spec"]["template"]["spec"][
        "topologySpreadConstraints"
    ]
    assert [c["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] for c in spread] == [
        "batcher"
    ] * 2


def test_every_pod_is_restricted(render, everything_values):
    for name, spec in pods(
        render(*everything_values, "--set", "tests.mustFail=true", given=False)
    ).items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            # LocalStack writes where it likes; ours write to /tmp only.
            assert own.get("readOnlyRootFilesystem") is True or name.endswith("-localstack"), name


def test_a_pod_that_runs_is_not_asked_by_new_processes(render, kind_values):
    """An interpreter every few seconds was a tenth of a core for each LocalStack."""
    found = pods(render(*kind_values, given=False))
    assert any(name.endswith("-localstack") for name in found)
    asked = {
        (name, probe)
        for name, pod in found.items()
        for container in pod["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        if "exec" in container.get(probe, {})
    }
    assert asked == set()


def test_localstack_is_ready_when_its_hook_has_made_the_bucket(render, kind_values):
    rendered = render(*kind_values, "--set", "bucket.name=another", given=False)
    (container,) = rendered.one("Deployment", "-localstack")["spec"]["template"]["spec"][
        "containers"
    ]
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] == "/another?max-keys=1"
    hook = rendered.one("ConfigMap", "-localstack")["data"]["10-sluice.py"]
    assert hook.splitlines()[-1].startswith("s3.create_bucket(")


def test_no_service_is_pid_1(render, everything_values, pytestconfig):
    """PID 1 loses a SIGTERM that comes before Python has a handler: tini is it, and the chart leaves it there."""
    dockerfile = (pytestconfig.rootpath / "deploy" / "Dockerfile").read_text()
    final = dockerfile[dockerfile.index("AS installed") :]
    entries = [line for line in final.splitlines() if line.startswith("ENTRYPOINT")]
    assert len(entries) == 4
    assert all(line.startswith('ENTRYPOINT ["tini", "--", ') for line in entries), entries
    found = {
        name: (spec.get("shareProcessNamespace"), spec["containers"][0].get("command"))
        for name, spec in pods(render(*everything_values)).items()
        if "-producer-" in name or name.endswith("-batcher")
    }
    assert len(found) >= 2
    assert set(found.values()) == {(True, None)}, found


def test_each_source_has_its_own_deployment(render, everything_values):
    rendered = render(*everything_values, given=False)
    demo, other = rendered.environment("-producer-demo"), rendered.environment("-producer-other")
    assert demo["SLUICE_SOURCE_URL"] == "http://rel-sluice-demo-source:8000/v2/stream/recentchange"
    assert (demo["SLUICE_WIRE"], other["SLUICE_WIRE"]) == ("packed", "plain")
    assert (demo["SLUICE_PACK_MAX_AGE"], other["SLUICE_PACK_MAX_AGE"]) == ("5s", "1s")
    assert (
        other["SLUICE_PACK_MAX_EVENTS"] == "100"
    )  # an entry overrides one key, not the whole section
    assert other["SLUICE_CHECKPOINT"] == "file:///var/lib/sluice/other.json"
    selectors = [o["spec"]["selector"]["matchLabels"] for o in rendered.all("Deployment")]
    assert len({json.dumps(s, sort_keys=True) for s in selectors}) == len(selectors)
    for deployment in rendered.all("Deployment", "-producer-demo"):
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_pandas_hook_is_mounted(render):
    code = (
        'def transform(frame):\n    frame["title"] = frame["title"].str.upper()\n    return frame'
    )
    rendered = render("--set-json", f"batcher.transform.code={json.dumps(code)}")
    data = rendered.one("ConfigMap", "-batcher-files")["data"]
    assert data["sluice_transform.py"].strip() == code
    compile(data["sluice_transform.py"], "sluice_transform.py", "exec")
    environment = rendered.environment("-batcher")
    assert environment["SLUICE_TRANSFORM"] == "sluice_transform:transform"
    assert environment["PYTHONPATH"] == "/etc/sluice"


def test_a_changed_hook_rolls_the_pods(render):
    def checksum(code):
        template = render("--set", f"batcher.transform.code={code}").one("Deployment", "-batcher")[
            "spec"
        ]["template"]
        return template["metadata"]["annotations"]["checksum/files"]

    assert checksum("def transform(f): return f") != checksum(
        "def transform(f): return f  # changed"
    )


def test_columns_file(render):
    rendered = render(
        "--set",
        "batcher.columns=file",
        "--set-string",
        "batcher.columnsFile=- {name: id\\, path: id}",
    )
    assert rendered.environment("-batcher")["SLUICE_COLUMNS"] == "/etc/sluice/columns.yaml"
    columns = yaml.safe_load(rendered.one("ConfigMap", "-batcher-files")["data"]["columns.yaml"])
    assert columns == {"columns": [{"name": "id", "path": "id"}]}


def test_a_new_chart_version_alone_changes_no_pod(render, everything_values):
    for deployment in render(*everything_values, given=False).all("Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()


def test_existing_secret(render):
    rendered = render("--set", "aws.existingSecret=keys")
    assert rendered.all("Secret") == []
    for ending in ("-batcher", "-producer-wikimedia"):
        key = rendered.environment(ending)["AWS_SECRET_ACCESS_KEY"]["secretKeyRef"]
        assert key == {"name": "keys", "key": "AWS_SECRET_ACCESS_KEY"}
    refs = rendered.one("TriggerAuthentication")["spec"]["secretTargetRef"]
    assert {ref["name"] for ref in refs} == {"keys"}


def test_irsa_annotations(render):
    role = "arn:aws:iam::123456789012:role/b"
    rendered = render(
        "--set", f"batcher.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn={role}"
    )
    account = rendered.one("ServiceAccount", "-batcher")
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    spec = rendered.one("Deployment", "-batcher")["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == account["metadata"]["name"]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://sse.example/x", 443),
        ("http://sse.example/x", 80),
        ("http://sse.example:9000/x", 9000),
    ],
)
def test_network_policy_lets_the_source_through(render, url, port):
    rendered = render(
        "--set", f"networkPolicy.enabled=true,producers[0].name=a,producers[0].url={url}"
    )
    rules = rendered.one("NetworkPolicy", "-producer-a")["spec"]["egress"]
    anywhere = [rule for rule in rules if "to" not in rule]
    assert {p["port"] for rule in anywhere for p in rule["ports"]} == {53, 5353, 443, port}


def test_the_must_fail_test_is_there_only_when_asked(render):
    assert [o["metadata"]["name"] for o in render().all("Pod")] == ["rel-sluice-test-roundtrip"]
    assert len(render("--set", "tests.mustFail=true").all("Pod")) == 2


def test_names_stay_within_limits(render):
    rendered = render(
        "--set",
        "producers[0].name=abcdefghijklmnopqrst,producers[0].url=http://x",
        release="r" * 53,
    )
    for item in rendered.objects:
        assert len(item["metadata"]["name"]) <= 63
