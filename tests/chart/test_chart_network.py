"""Policies open what the values name, and nothing else."""

import re

import pytest
from aws_hosts import asked

CILIUM = ("--set", "networkPolicy.enabled=true,networkPolicy.flavor=cilium")
APIS = ("--api-versions", "keda.sh/v1alpha1", "--api-versions", "cilium.io/v2")
ON = ("--set", "networkPolicy.enabled=true")
KEYS = "aws.existingSecret=keys"


def egress(rendered, ending="-batcher"):
    """Ports that are open to everywhere, and the rules that name whom."""
    rules = rendered.one("NetworkPolicy", ending)["spec"]["egress"]
    anywhere = {p["port"] for rule in rules if "to" not in rule for p in rule["ports"]}
    assert {53, 5353} <= anywhere, "DNS, also as OpenShift has it"
    return anywhere - {5353}, [rule for rule in rules if "to" in rule]


@pytest.mark.parametrize(
    ("values", "ports"),
    [
        ("", {53, 443}),
        ("aws.endpointUrl=http://stack.example:4566," + KEYS, {53, 4566}),
        ("aws.sqsEndpointUrl=https://sqs.example:8443," + KEYS, {53, 443, 8443}),
        ("aws.sqsEndpointUrl=http://a:1,aws.s3EndpointUrl=http://b:2," + KEYS, {53, 1, 2}),
        # Without keys in a Secret the pod asks STS for them.
        ("aws.sqsEndpointUrl=http://a:1", {53, 1, 443}),
        ("aws.sqsEndpointUrl=http://a:1,aws.s3EndpointUrl=http://b:2", {53, 1, 2, 443}),
        # Where one endpoint is AWS for everything, boto3 looks for STS there, too.
        ("aws.endpointUrl=http://stack.example:4566", {53, 4566}),
    ],
)
def test_the_endpoints_ports(render, values, ports):
    given = ("--set", values) if values else ()
    found, _ = egress(render(*ON, *given))
    assert found == ports


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ((), True),
        (("--set", KEYS), False),
        (("--set", "batcher.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=x"), False),
    ],
)
def test_eks_pod_identitys_agent(render, values, asked):
    _, named = egress(render(*ON, *values))
    blocks = {b["ipBlock"]["cidr"] for rule in named for b in rule["to"] if "ipBlock" in b}
    assert blocks == ({"169.254.170.23/32", "fd00:ec2::23/128"} if asked else set())
    assert {p["port"] for rule in named for p in rule["ports"]} == ({80} if asked else set())


def test_the_helm_test_may_go_where_the_batcher_goes(render):
    rendered = render(*ON)
    assert egress(rendered, "-test") == egress(rendered)


GATEWAY = "http://gateway.monitoring.svc:9091"


@pytest.mark.parametrize(
    ("url", "port", "whom"),
    [
        (GATEWAY, 9091, {"toEntities": ["cluster"]}),
        ("https://push.example", 443, {"toFQDNs": [{"matchName": "push.example"}]}),
    ],
)
def test_the_compactor_may_go_to_its_pushgateway(render, url, port, whom):
    given = ("--set", "compactor.enabled=true", "--set", f"compactor.pushgateway.url={url}")
    found, _ = egress(render(*ON, *given), "-compactor")
    assert found == {53, 443, port}
    assert 9091 not in egress(render(*ON, *given))[0], "the batcher may not"
    rules = render(*CILIUM, *given, apis=APIS).one("CiliumNetworkPolicy", "-compactor")
    ports = [{"ports": [{"port": str(port), "protocol": "TCP"}]}]
    assert whom | {"toPorts": ports} in rules["spec"]["egress"]


def names(rendered, ending):
    """The selectors of hosts that a policy opens."""
    rules = rendered.one("CiliumNetworkPolicy", ending)["spec"]["egress"]
    return {next(iter(n.values())) for rule in rules for n in rule.get("toFQDNs", [])}


def covers(pattern, host):
    """As Cilium reads it: a star stands for what may be in one part of a name.

    https://docs.cilium.io/en/stable/security/policy/language/#dns-based
    """
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[-a-zA-Z0-9_]*"), host) is not None


@pytest.mark.parametrize(
    ("region", "bucket"),
    [
        ("us-east-1", "lake"),
        ("us-east-1", "lake.with.dots"),
        ("eu-west-1", "lake"),
        ("us-gov-west-1", "lake"),
        ("cn-north-1", "lake"),
        ("eusc-de-east-1", "lake"),
        ("us-iso-east-1", "lake"),
    ],
)
def test_cilium_opens_the_hosts_that_the_clients_ask(render, region, bucket):
    """Of S3 in us-east-1 that is none with the region in it; each partition has a domain of its own."""
    values = f"autoscaling.enabled=false,queue.url=,aws.region={region},bucket.name={bucket}"
    found = names(render(*CILIUM, "--set", values, apis=APIS), "-batcher")
    hosts = asked(region, bucket, "sse_queue")
    assert len(hosts) >= 3, hosts
    closed = {host for host in hosts if not any(covers(name, host) for name in found)}
    assert closed == set(), f"open: {found}"
    idle = {name for name in found if "*" not in name and name not in hosts}
    assert all(name.startswith("s3.") for name in idle), "a bucket's own host, or S3's"


@pytest.mark.parametrize(
    "queue",
    [
        "sse_queue_dlq",
        "https://sqs.ap-south-1.amazonaws.com/123456789012/d",
        "arn:aws:sqs:sa-east-1:123456789012:d",
    ],
)
def test_cilium_opens_the_dead_letter_queues_host_too(render, queue):
    """The queue is in another region than the bucket; a dead-letter queue given by name is looked for at home."""
    rendered = render(*CILIUM, "--set", f"queue.dlq={queue}", apis=APIS)
    environment = rendered.environment("-batcher")
    assert environment["SLUICE_DLQ"] == queue
    found = names(rendered, "-batcher")
    hosts = {
        host
        for name in (environment["SLUICE_QUEUE"], queue)
        for host in asked(environment["AWS_REGION"], "b", name)
    }
    assert len({host for host in hosts if host.startswith("sqs.")}) == 2
    assert {host for host in hosts if not any(covers(name, host) for name in found)} == set()


def test_cilium_names_hosts(render):
    rendered = render(*CILIUM, apis=APIS)
    assert rendered.all("NetworkPolicy") == []
    assert names(rendered, "-producer-wikimedia") == {
        "sqs.eu-west-1.amazonaws.com",
        "s3.us-east-1.amazonaws.com",
        "*.s3.us-east-1.amazonaws.com",
        "s3.amazonaws.com",
        "*.s3.amazonaws.com",
        "sts.us-east-1.amazonaws.com",
        "stream.wikimedia.org",
    }
    rules = rendered.one("CiliumNetworkPolicy", "-producer-wikimedia")["spec"]["egress"]
    assert {"toEntities": ["host"]}.items() <= rules[-1].items()


def test_cilium_inside_the_cluster(render, kind_values):
    rendered = render(*kind_values, *CILIUM, given=False, apis=APIS)
    rules = rendered.one("CiliumNetworkPolicy", "-producer-demo")["spec"]["egress"]
    found = {
        rule["toEndpoints"][0]["matchLabels"].get("app.kubernetes.io/component"): [
            p["port"] for p in rule["toPorts"][0]["ports"]
        ]
        for rule in rules
        if "toEndpoints" in rule
    }
    assert found == {None: ["53", "5353"], "localstack": ["4566"], "demo-source": ["8000"]}


def test_dns_is_where_the_values_say(render):
    """By default at the pods' port of both kubeadm's clusters and OpenShift's (its DNS operator's pods listen on 5353)."""
    rules = render(*CILIUM, apis=APIS).one("CiliumNetworkPolicy", "-batcher")["spec"]["egress"]
    assert [
        peer["matchLabels"]["k8s:io.kubernetes.pod.namespace"] for peer in rules[0]["toEndpoints"]
    ] == [
        "kube-system",
        "openshift-dns",
    ]
    assert rules[0]["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}
    own = 'networkPolicy.dns={"ports": [1053], "endpoints": [{"k8s-app": "dns"}]}'
    rules = render(*CILIUM, "--set-json", own, apis=APIS).one("CiliumNetworkPolicy", "-batcher")
    first = rules["spec"]["egress"][0]
    assert first["toEndpoints"] == [{"matchLabels": {"k8s-app": "dns"}}]
    assert first["toPorts"][0]["ports"] == [{"port": "1053", "protocol": "ANY"}]
    rules = render(*ON, "--set-json", own).one("NetworkPolicy", "-batcher")["spec"]["egress"]
    assert rules[0] == {"ports": [{"protocol": p, "port": 1053} for p in ("UDP", "TCP")]}


@pytest.mark.parametrize("none", ["null", "[]"])
def test_without_ports_of_dns_there_is_no_rule_and_none_that_opens_everything(render, none):
    none = ("--set-json", f"networkPolicy.dns.ports={none}")
    rules = render(*ON, *none).one("NetworkPolicy", "-batcher")["spec"]["egress"]
    assert all(rule["ports"] for rule in rules)
    assert 53 not in {p["port"] for rule in rules for p in rule["ports"]}
    named = render(*CILIUM, *none, apis=APIS).one("CiliumNetworkPolicy", "-batcher")["spec"][
        "egress"
    ]
    assert all("toFQDNs" in rule or "toEntities" in rule for rule in named)


def test_on_openshift_the_users_of_the_pods_are_left_to_it(render):
    unset = "podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null,podSecurityContext.fsGroup=null"
    rendered = render("--set", unset, "--set", "compactor.enabled=true")
    cron = rendered.one("CronJob")["spec"]["jobTemplate"]["spec"]["template"]
    for template in (*(d["spec"]["template"] for d in rendered.all("Deployment")), cron):
        assert template["spec"]["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
