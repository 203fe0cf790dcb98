"""Who owns the number of pods, and the numbers that KEDA gets."""

import pytest

ROLE = "arn:aws:iam::123456789012:role/sluice-batcher"


def test_no_replicas_where_keda_owns_them(render):
    rendered = render()
    assert "replicas" not in rendered.one("Deployment", "-batcher")["spec"]
    assert rendered.one("ScaledObject")["spec"]["scaleTargetRef"]["name"] == "rel-sluice-batcher"


def test_replicas_without_autoscaling(render):
    rendered = render("--set", "autoscaling.enabled=false,batcher.replicas=3")
    assert rendered.one("Deployment", "-batcher")["spec"]["replicas"] == 3
    assert rendered.all("ScaledObject") == []
    assert rendered.all("TriggerAuthentication") == []


@pytest.mark.parametrize(
    ("values", "drain"),
    [
        ("autoscaling.enabled=true", "return"),
        ("autoscaling.enabled=false", "flush"),
        ("batcher.drain=flush", "flush"),
    ],
)
def test_scale_in_writes_no_small_object(render, values, drain):
    assert render("--set", values).environment("-batcher")["SLUICE_DRAIN"] == drain


@pytest.mark.parametrize(
    ("age", "wait"), [("30s", 60), ("2m", 150), ("500ms", 31), ("90", 120), ("59m", 3570)]
)
def test_the_waits_follow_from_the_batch_age(render, age, wait):
    spec = render(
        "--set-string", f"batcher.batch.maxAge={age}", "--set", "autoscaling.minReplicas=0"
    ).one("ScaledObject")["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == wait
    assert spec["cooldownPeriod"] == wait


@pytest.mark.parametrize(("held", "length"), [(20, "26"), (300, "376"), (2000, "2501")])
def test_the_queue_length_exceeds_what_a_pod_holds(render, held, length):
    rendered = render("--set", f"batcher.maxHeldMessages={held}")
    (trigger,) = rendered.one("ScaledObject")["spec"]["triggers"]
    assert trigger["metadata"]["queueLength"] == length
    assert int(length) > held
    environment = rendered.environment("-batcher")
    assert environment["SLUICE_MAX_HELD_MESSAGES"] == str(held)


def test_the_fallback_is_never_zero(render):
    fallback = render("--set", "autoscaling.minReplicas=0").one("ScaledObject")["spec"]["fallback"]
    assert fallback == {"failureThreshold": 3, "replicas": 1, "behavior": "currentReplicasIfHigher"}


def test_localstack_gives_keda_its_url_and_endpoint(render, kind_values):
    rendered = render(*kind_values, "--namespace", "lake", given=False)
    (trigger,) = rendered.one("ScaledObject")["spec"]["triggers"]
    host = "http://rel-sluice-localstack.lake.svc.cluster.local:4566"
    assert trigger["metadata"]["queueURL"] == f"{host}/000000000000/sse_queue"
    assert trigger["metadata"]["awsEndpoint"] == host
    assert trigger["metadata"]["scaleOnInFlight"] == "true"
    refs = rendered.one("TriggerAuthentication")["spec"]["secretTargetRef"]
    assert {ref["name"] for ref in refs} == {rendered.one("Secret")["metadata"]["name"]}


@pytest.mark.parametrize(
    ("settings", "auth", "reference"),
    [
        ("", None, None),
        (
            f"batcher.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn={ROLE}",
            {"podIdentity": {"provider": "aws", "identityOwner": "workload"}},
            "rel-sluice-batcher",
        ),
        (
            f"autoscaling.roleArn={ROLE}",
            {"podIdentity": {"provider": "aws", "roleArn": ROLE}},
            "rel-sluice-batcher",
        ),
        ("autoscaling.auth=operator", None, None),
        ("autoscaling.auth=existing,autoscaling.authName=mine", None, "mine"),
    ],
)
def test_keda_identities(render, settings, auth, reference):
    rendered = render("--set", settings) if settings else render()
    (trigger,) = rendered.one("ScaledObject")["spec"]["triggers"]
    assert trigger.get("authenticationRef", {}).get("name") == reference
    assert [o["spec"] for o in rendered.all("TriggerAuthentication")] == ([auth] if auth else [])
    owner = trigger["metadata"].get("identityOwner")
    assert owner == (None if reference else "operator")


def test_paused(render):
    annotations = render("--set", "autoscaling.pausedReplicas=1").one("ScaledObject")["metadata"][
        "annotations"
    ]
    assert annotations == {"autoscaling.keda.sh/paused-replicas": "1"}


def _added(probe):
    """Seconds that a probe adds to a start at most, and those after which a failure counts."""
    period = probe.get("periodSeconds", 10)
    return probe.get("initialDelaySeconds", 0) + period, period * probe.get("failureThreshold", 3)


def test_the_first_pod_waits_for_little_but_itself_at_the_kind_values(render, kind_values):
    rendered = render(*kind_values, "--set", "autoscaling.minReplicas=0", given=False)
    (container,) = rendered.one("Deployment", "-batcher")["spec"]["template"]["spec"]["containers"]
    startup, _ = _added(container["startupProbe"])
    readiness, unready = _added(container["readinessProbe"])
    # The rest of the 15 s is the pod's own: its image is there, it starts and finds its queue.
    assert rendered.one("ScaledObject")["spec"]["pollingInterval"] + startup + readiness <= 7
    assert unready >= 10  # asking often makes nobody hasty


@pytest.mark.parametrize(("most", "steps"), [(5, [5]), (10, [5, 10])])
def test_the_autoscaler_goes_from_one_to_all_in_few_steps(render, kind_values, most, steps):
    rendered = render(*kind_values, "--set", f"autoscaling.maxReplicas={most}", given=False)
    advanced = rendered.one("ScaledObject")["spec"]["advanced"]
    up = advanced["horizontalPodAutoscalerConfig"]["behavior"]["scaleUp"]
    assert up["stabilizationWindowSeconds"] == 0
    assert up.get("selectPolicy", "Max") == "Max"
    assert {policy["periodSeconds"] for policy in up["policies"]} == {15}
    pods, seen = 1, []
    while pods < most:
        grown = [
            policy["value"] if policy["type"] == "Pods" else pods * policy["value"] // 100
            for policy in up["policies"]
        ]
        pods = min(most, pods + max(grown))
        seen.append(pods)
    assert seen == steps
