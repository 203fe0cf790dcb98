"""Wrong and contradictory values are refused before anything is made, in a line that tells what to do."""

import pytest


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("batcher.format=xml", "/batcher/format"),
        ("batcher.compression=lz4", "/batcher/compression"),
        ("batcher.columns=all", "/batcher/columns"),
        ("batcher.batch.maxAge=soon", "/batcher/batch/maxAge"),
        ("batcher.batch.maxBytes=64Mb", "/batcher/batch/maxBytes"),
        ("batcher.batch.maxRows=0", "/batcher/batch/maxRows"),
        ("batcher.partitionBy=user", "/batcher/partitionBy"),
        ("bacher.format=csv", "'bacher' not allowed"),
        ("producer.wire=json", "/producer/wire"),
        ("producers[0].name=Upper", "/producers/0/name"),
        ("queue.visibilityTimeout=0", "/queue/visibilityTimeout"),
        ("queue.name=a b", "/queue/name"),
        ("queue.name=events.fifo", "/queue/name"),
        ("queue.url=https://sqs.eu-west-1.amazonaws.com/123456789012/events.fifo", "/queue/url"),
        ("queue.dlq=dead.fifo", "/queue/dlq"),
        ("bucket.name=Bucket", "/bucket/name"),
        ("bucket.encryption.sse=kms", "/bucket/encryption/sse"),
        ("aws.s3EndpointUrl=store:9000", "/aws/s3EndpointUrl"),
        ("aws.client=urllib3", "/aws/client"),
        ("bucket.prefix=_sluice/x", "/bucket/prefix"),
        ("bucket.prefix=lake/dt\\=1", "/bucket/prefix"),
        ("autoscaling.fallback.replicas=0", "/autoscaling/fallback/replicas"),
        ("image.registry=https://x", "/image/registry"),
        ("batcher.batch.maxBytes=64iB", "/batcher/batch/maxBytes"),
        ("batcher.batch.maxRows=5000001", "/batcher/batch/maxRows"),
        ("producer.pack.maxBytes=1048577", "/producer/pack/maxBytes"),
        ("batcher.batch=null", "missing property 'batch'"),
        ("batcher.replicas=null", "missing property 'replicas'"),
        ("autoscaling.minReplicas=null", "missing property 'minReplicas'"),
        ("demoSource.rate=fast", "/demoSource/rate"),
        ("autoscaling.roleArn=me", "/autoscaling/roleArn"),
        ("batcher.columnsFile.id=x", "/batcher/columnsFile"),
        ("metrics.podMonitor.interval=30", "/metrics/podMonitor/interval"),
        ("metrics.serviceMonitor.interval=1.5m", "/metrics/serviceMonitor/interval"),
        ("metrics.serviceMonitor.scrapeTimeout=10min", "/metrics/serviceMonitor/scrapeTimeout"),
        ("compactor.schedule=not a cron x", "/compactor/schedule"),
        ("compactor.schedule=* * * *", "/compactor/schedule"),
        ("compactor.schedule=@sometimes", "/compactor/schedule"),
        ("nameOverride=Foo_bar", "/nameOverride"),
        ("fullnameOverride=1st", "/fullnameOverride"),
    ],
)
def test_the_schema_refuses(refusal, setting, place):
    error = refusal("--set", setting)
    assert "values don't meet the specifications" in error
    assert place in error


def test_a_tag_that_yaml_reads_as_a_fraction_is_refused(refusal):
    """1.10 without quotes is 1.1, another image."""
    assert "/image/tag" in refusal("--set-json", "image.tag=1.10")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            ["commonLabels.app\\.kubernetes\\.io/name=platform"],
            ["commonLabels: the pods are selected by", "app.kubernetes.io/name", "nameOverride"],
        ),
        (["batcher.podLabels.app\\.kubernetes\\.io/component=x"], ["batcher.podLabels: the pods"]),
        (["producer.podLabels.sluice/source=x"], ["producer.podLabels: the pods"]),
        (
            ["producers[0].name=a", "producers[0].podLabels.app\\.kubernetes\\.io/instance=x"],
            ['podLabels of the producer "a": the pods'],
        ),
        (["compactor.podLabels.app\\.kubernetes\\.io/name=x"], ["compactor.podLabels: the pods"]),
        (["autoscaling.queueLength=300"], ["queueLength=300", "maxHeldMessages=300"]),
        (
            ["autoscaling.scaleDownStabilizationSeconds=30"],
            ["scaleDownStabilizationSeconds=30", "cuts batches"],
        ),
        (["autoscaling.minReplicas=0", "autoscaling.cooldownPeriod=30"], ["cooldownPeriod=30"]),
        (["batcher.batch.maxAge=60m"], ["scaleDownStabilizationSeconds=3600", "3600s"]),
        (
            ["autoscaling.minReplicas=0", "producer.heartbeat=60s"],
            ["producer.heartbeat", "minReplicas=0", "keeps a batcher awake"],
        ),
        (
            ["compactor.enabled=true", "compactor.every=10m", "compactor.pushgateway.url=http://g"],
            ["compactor.pushgateway contradict", "serviceMonitor"],
        ),
        (
            ["compactor.enabled=true", "compactor.pushgateway.url=http://u:p@gateway:9091"],
            ["holds a user", "compactor.pushgateway.existingSecret"],
        ),
        (["autoscaling.minReplicas=11"], ["minReplicas=11", "maxReplicas=10"]),
        (["autoscaling.auth=secret"], ["aws.existingSecret"]),
        (["autoscaling.auth=existing"], ["autoscaling.authName"]),
        (["autoscaling.auth=pod-identity"], ["names no role", "role-arn", "auth=operator"]),
        (
            ["metrics.podMonitor.interval=30s", "metrics.podMonitor.scrapeTimeout=1m"],
            ["podMonitor.scrapeTimeout=1m: must not be more than interval=30s"],
        ),
        (
            ["metrics.serviceMonitor.scrapeTimeout=15s1ms"],
            ["serviceMonitor.scrapeTimeout=15s1ms", "interval=15s"],
        ),
        (["bucket.name="], ["bucket.name is empty", "bucket.name=acme-lake"]),
        (["bucket.name=null"], ["bucket.name is empty"]),
        (["image.registryRequired=true"], ["image.registry is empty", "make images"]),
        (
            [
                "image.registryRequired=true",
                "image.producer=a,image.batcher=b,compactor.enabled=true",
            ],
            ["image.registry is empty", "image.compactor"],
        ),
        (
            [
                "image.registryRequired=true",
                "image.producer=a,image.batcher=b,demoSource.enabled=true",
            ],
            ["image.cli"],
        ),
        (["producer.checkpoint=file:///tmp/c.json"], ["is on no volume", "persistence.enabled"]),
        (["caBundle.configMap=a", "caBundle.secret=b"], ["caBundle"]),
        (["networkPolicy.enabled=true", "networkPolicy.flavor=cilium"], ["cilium.io/v2"]),
        (["batcher.batch.maxAge=12h"], ["maxAge=12h", "12 h at most"]),
        (["batcher.shutdownGrace=26s"], ["batcher.terminationGracePeriodSeconds=30", "26s"]),
        (
            ["producers[0].name=a", "producers[0].url=http://x", "producers[0].shutdownGrace=1m"],
            ["terminationGracePeriodSeconds=30"],
        ),
        (["batcher.columns=file"], ["batcher.columnsFile"]),
        (["batcher.columnsFile=x"], ["batcher.columns=file"]),
        (["batcher.transform.code=def other(frame): pass"], ["no function transform"]),
        (["queue.url=https://sqs.eu-west-1.amazonaws.com/sse_queue"], ["/<account>/<queue>"]),
        (["queue.url="], ["needs queue.url"]),
        (["localstack.enabled=true", "queue.url=", "aws.endpointUrl=http://x"], ["contradict"]),
        (["localstack.enabled=true", "queue.url=", "aws.s3EndpointUrl=http://x"], ["contradict"]),
        (["localstack.enabled=true"], ["queue.url and localstack.enabled"]),
        (["producer.userAgent="], ["stream.wikimedia.org", "producer.userAgent"]),
        (["producers[0].name=a", "producers[0].url="], ["has no url", "demoSource.enabled"]),
        (
            [
                "producers[0].name=a",
                "producers[0].url=http://x",
                "producers[1].name=a",
                "producers[1].url=http://y",
            ],
            ["two entries", "checkpoint"],
        ),
        (
            ["metrics.serviceMonitor.enabled=true", "metrics.podMonitor.enabled=true"],
            ["enable one"],
        ),
    ],
)
def test_contradictions_are_refused(refusal, settings, words):
    error = refusal(*(part for setting in settings for part in ("--set", setting)))
    for word in words:
        assert word in error


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("image.registry", ["image.registry is empty", "image.registry=ghcr.io/acme"]),
        ("producer.userAgent", ["set producer.userAgent"]),
        ("queue.url", ["needs queue.url"]),
        ("bucket.name", ["bucket.name is empty"]),
        ("role", ["names no role"]),
    ],
)
def test_production_names_nothing_of_its_users_and_asks_for_all_of_it(
    refusal, pytestconfig, missing, words
):
    role = "batcher.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn"
    given = {
        "image.registry": "ghcr.io/acme",
        "producer.userAgent": "Test/1.0 (test@sluice.example)",
        "queue.url": "https://sqs.eu-west-1.amazonaws.com/123456789012/sse_queue",
        "bucket.name": "acme-lake",
        "role": "arn:aws:iam::123456789012:role/sluice-batcher",
    }
    values = pytestconfig.rootpath / "deploy/helm/sluice/values-production.yaml"
    sets = [
        f"{role if name == 'role' else name}={value}"
        for name, value in given.items()
        if name != missing
    ]
    error = refusal(
        "-f", str(values), *(part for one in sets for part in ("--set", one)), given=False
    )
    for word in words:
        assert word in error


def test_two_sources_do_not_share_a_checkpoint(render, refusal):
    one, two = (
        "producers[0].name=a,producers[0].url=http://x",
        "producers[1].name=b,producers[1].url=http://y",
    )
    same = "producers[0].checkpoint=file:///c,producers[1].checkpoint=file:///c"
    volume = "producer.persistence.enabled=true"
    assert "share the checkpoint file:///c" in refusal("--set", f"{one},{two},{same},{volume}")
    assert len(render("--set", f"{one},{two}").all("Deployment")) == 3


def test_without_keda_the_error_says_what_to_do(render, refusal):
    error = refusal(apis=())
    assert "install KEDA" in error
    assert "autoscaling.enabled=false" in error
    assert render("--set", "autoscaling.enabled=false", apis=()).all("ScaledObject") == []


def test_without_the_prometheus_operator_the_error_says_what_to_do(refusal):
    error = refusal(
        "--set", "metrics.serviceMonitor.enabled=true", apis=("--api-versions", "keda.sh/v1alpha1")
    )
    assert "monitoring.coreos.com/v1" in error
    assert "metrics.annotations=true" in error
