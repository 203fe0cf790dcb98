"""Kills, a rollout, an outage and a drain during load: nothing is lost, and `verify` counts what we count."""

import subprocess

import pytest
from kit.source import expected, soon
from kit.waiting import until

RATE = 500


def wait_rows(release, more: int) -> None:
    """Waits until so many more rows have come: whatever was broken works again."""
    before = release.lake.ids().total()
    until(
        lambda: release.lake.ids().total() >= before + more,
        f"{more} more rows",
        deadline=90,
        pause=1,
    )


def settle(release, ids, evidence, *, deadline: float = 150):
    """Waits for all ids and an empty queue; `sluice verify` must say what we count ourselves."""
    release.lake.wait_for(ids, deadline=deadline)
    release.lake.wait_empty(deadline=60)
    found = release.lake.ids()
    account = release.lake.verify(ids, evidence)
    assert account["lost"] == 0
    assert account["unexpected"] == 0
    assert account["dead_lettered"] == 0
    assert account["rows"] == found.total()
    assert account["duplicates"] == found.total() - len(found)
    print(f"{len(ids)} events, {found.total()} rows, lost 0, duplicates {account['duplicates']}")
    return account


@pytest.mark.timeout(420)
def test_kills_and_a_rollout_during_load(make_release, evidence):
    # 100 s of them: a rollout on a full node waits for room, and what it is to disturb must not be over by then.
    events = 25_000
    services = ("producer", "batcher")
    release = make_release(
        demoSource__args=[f"--events={events}"], demoSource__rate=250, autoscaling__enabled=False
    )
    wait_rows(release, 500)
    for force in (False, True):
        gone = {service: release.delete_pod(service, force=force) for service in services}
        for service, name in gone.items():
            until(
                lambda service=service, name=name: [
                    pod for pod in release.ready_pods(service) if pod.name != name
                ],
                f"another {service}",
                deadline=90,
            )
        wait_rows(release, 500)
    # A forced deletion still sends SIGTERM first; this does not.
    for service in services:
        release.task(service, "kill", "-s", "SIGKILL")
    for service in services:
        until(
            lambda service=service: release.restarts(service) == 1,
            f"the {service}'s restart",
            deadline=60,
        )
    wait_rows(release, 500)
    release.apply(batcher__batch__maxRows=90)
    wait_rows(release, 500)
    settle(release, expected(events), evidence)


@pytest.mark.timeout(300)
def test_sigterm_alone_costs_no_duplicate(make_release, evidence):
    events = 12_000
    release = make_release(
        demoSource__args=[f"--events={events}"], demoSource__rate=RATE, autoscaling__enabled=False
    )
    wait_rows(release, 500)
    for component in ("batcher", "producer"):
        release.delete_pod(component)
        wait_rows(release, 500)
    account = settle(release, expected(events), evidence)
    assert account["duplicates"] == 0


@pytest.mark.timeout(300)
def test_an_outage_of_sqs_and_s3(make_release, evidence):
    """LocalStack's process is frozen, with all its state, for longer than the visibility timeout."""
    events = 20_000
    release = make_release(
        demoSource__args=[f"--events={events}"], demoSource__rate=RATE, autoscaling__enabled=False
    )
    wait_rows(release, 500)
    before = release.metrics("producer"), release.metrics("batcher")
    release.task("localstack", "pause")
    try:

        def felt() -> bool:
            producer, batcher = (
                release.metrics("producer", ready=False),
                release.metrics("batcher", ready=False),
            )
            name, other = (
                "sluice_producer_send_failures_total",
                "sluice_batcher_receive_failures_total",
            )
            return producer.get(name, 0) > before[0].get(name, 0) and batcher.get(
                other, 0
            ) > before[1].get(other, 0)

        until(felt, "both services to feel the outage", deadline=120, pause=1)
    finally:
        release.task("localstack", "resume")
    settle(release, expected(events), evidence)
    for component in ("producer", "batcher"):
        assert [pod.restarts for pod in release.pods(component)] == [0]


@pytest.mark.timeout(300)
def test_localstack_restarted_with_nothing_left(make_release):
    """Queue and bucket are gone and made again; the services go on by themselves, without a restart."""
    start = soon()
    release = make_release(
        demoSource__args=["--events=2000", start], demoSource__rate=0, autoscaling__enabled=False
    )
    release.lake.wait_for(expected(2000), deadline=90)
    release.lake.wait_empty(deadline=30)
    before = set(release.lake.objects)

    release.delete_pod("localstack", force=True)
    until(lambda: len(release.ready_pods("localstack")) == 1, "LocalStack", deadline=90)
    release.lake.forward.open()
    assert (
        release.lake.client("s3").list_objects_v2(Bucket="sse-bucket", Prefix="events/")["KeyCount"]
        == 0
    )

    release.apply(demoSource__args=["--events=4000", start])
    found = release.lake.wait_for(expected(4000), deadline=120)
    assert found.total() == len(expected(4000))
    assert set(release.lake.objects) > before
    for component in ("producer", "batcher"):
        assert [pod.restarts for pod in release.pods(component)] == [0]


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_drain_keeps_to_the_budget(make_release, cluster, evidence):
    events = 15_000
    release = make_release(
        demoSource__args=[f"--events={events}"],
        demoSource__rate=RATE,
        autoscaling__enabled=False,
        batcher__replicas=2,
        batcher__pdb__enabled=True,
    )
    old = {pod.name for pod in release.wait_ready("batcher", 2)}
    node = release.pods("batcher")[0].node
    wait_rows(release, 500)
    selector = "--pod-selector=app.kubernetes.io/component=batcher"
    drain = subprocess.Popen(
        [
            "kubectl",
            "--context",
            cluster.context,
            "drain",
            node,
            selector,
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            "--timeout=150s",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        # The only node is closed: the replacement waits, and the budget protects the second pod meanwhile.
        until(
            lambda: len({pod.name for pod in release.pods("batcher")} & old) == 1,
            "the first eviction",
            deadline=60,
        )
        wait_rows(release, 500)
        assert len({pod.name for pod in release.ready_pods("batcher")} & old) == 1
        assert drain.poll() is None
    except AssertionError:
        drain.terminate()
        print(drain.communicate()[0])
        raise
    finally:
        cluster.kubectl("uncordon", node)
    said, _ = drain.communicate(timeout=170)
    assert drain.returncode == 0, said
    assert "violate the pod's disruption budget" in said
    fresh = release.wait_ready("batcher", 2)
    assert not {pod.name for pod in fresh} & old
    account = settle(release, expected(events), evidence)
    assert account["duplicates"] == 0
