"""Each fault raises its alerts and no others, in a real Prometheus with the labels of a real one."""

import json
import time

import pytest
from kit import dashboards, prometheus
from kit.source import ago, soon
from kit.waiting import GaveUpError, until

QUICKER = 30
"""Five minutes are ten seconds."""
GOING = ("SluiceTargetDown",)
"""DNS names a pod for half a minute after it has gone, which are fifteen minutes here."""
KEDA = ("SluiceScalerErrors", "SluiceScalerFallback")
STUCK = ("SluiceQueueStuck",)
"""The queue is looked at once a minute, which are thirty here: what was in it then seems to stay."""

HOOK = """
def transform(frame):
    if (frame["title"] == "no hook takes this").any():
        raise ValueError("as the test wants it")
    return frame
"""


def scale(release, name, replicas):
    release.cluster.kubectl(
        "-n", release.namespace, "scale", f"deployment/{name}", f"--replicas={replicas}"
    )


def raised(release, *alerts, among=GOING):
    """Waits until these alerts fire; none may fire but these and those `among` which they are."""
    seen = set()

    now = set()

    def fire():
        nonlocal now
        now = prometheus.firing(release)
        seen.update(now)
        assert now <= {*alerts, *among}, now
        return set(alerts) <= now

    try:
        until(fire, f"{alerts} to fire", deadline=240, pause=1)
    except GaveUpError as error:
        raise AssertionError(f"{error}; fires: {sorted(now)}") from None
    print(f"{alerts}: with {sorted(seen - set(alerts))}")


def over(release, *alerts, among=GOING, but=()):
    """Waits until nothing fires, `but` what is true for longer; what ends may end one by one."""

    def silent():
        now = prometheus.firing(release)
        assert now <= {*alerts, *among, *but}, now
        return now <= {*but}

    until(silent, "silence", deadline=240, pause=1)


def keda_looked(release):
    """Whether KEDA has looked at this release's queue."""
    seen = f'count(keda_scaler_metrics_value{{exported_namespace="{release.namespace}"}})'
    return prometheus.value(release, seen)


def scaled_object(release):
    """KEDA's object for the batcher."""
    return release.cluster.look(
        f"/apis/keda.sh/v1alpha1/namespaces/{release.namespace}/scaledobjects/sluice-batcher"
    )


def ask_at(release, endpoint):
    """Where KEDA asks for the queue's depth, from now on each 5 s, for the ranges of the rules are short, too."""
    changes = [
        {"op": "replace", "path": "/spec/triggers/0/metadata/awsEndpoint", "value": endpoint},
        {"op": "add", "path": "/spec/pollingInterval", "value": 5},
    ]
    what = ("scaledobject/sluice-batcher", "--type=json", f"-p={json.dumps(changes)}")
    release.cluster.kubectl("-n", release.namespace, "patch", *what)


def on_fallback(release):
    """Whether KEDA says that it holds the fallback's number of pods."""
    conditions = scaled_object(release)["status"]["conditions"]
    return any(found["type"] == "Fallback" and found["status"] == "True" for found in conditions)


def committed(release):
    """Whether the compactor has brought rows into the table."""
    return prometheus.value(release, "max(sluice_compactor_last_commit_timestamp_seconds)")


def watched(make_release, *source):
    """A release whose alerts are looked at, while rows flow and nothing fires; the rules are those of autoscaling."""
    release = make_release(
        demoSource__rate=50, demoSource__args=list(source), autoscaling__enabled=False
    )
    until(lambda: release.lake.ids().total() > 100, "rows", deadline=90, pause=1)
    release.values["autoscaling.enabled"] = True
    prometheus.start(release, quicker=QUICKER)
    flows(release)
    over(release)
    return release


def flows(release):
    written = "sum(rate(sluice_batcher_rows_written_total[15s]))"
    until(lambda: prometheus.value(release, written), "rows", deadline=90, pause=1)


@pytest.mark.calm
@pytest.mark.timeout(900)
def test_what_is_absent_lost_or_a_dead_letter_raises_its_alerts_and_no_others(make_release):
    # A producer that is away for longer finds a gap. The first event is of the first connection's time.
    release = watched(make_release, "--retention=5s")

    scale(release, "sluice-batcher", 0)
    undrained = ("SluiceBatcherAbsent", "SluiceSentNotWritten")
    raised(release, *undrained, among=(*GOING, *STUCK))
    scale(release, "sluice-batcher", 1)
    over(release, *undrained, among=(*GOING, *STUCK))

    scale(release, "sluice-producer-demo", 0)
    raised(release, "SluiceProducerAbsent")
    scale(release, "sluice-producer-demo", 1)
    # Its gap is counted before the first scrape; it is told of for an hour, which is two minutes.
    lost = ("SluiceResumeGap",)
    raised(release, *lost, among=(*GOING, "SluiceProducerAbsent"))
    flows(release)

    release.lake.send("no event at all")
    raised(release, "SluiceDeadLetters", among=(*GOING, *lost))
    over(release, "SluiceDeadLetters", but=lost)

    # Last, for the source begins again and has nothing new for as long as it has run.
    scale(release, "sluice-demo-source", 0)
    raised(release, "SluiceSourceDisconnected", among=(*GOING, *STUCK, *lost))


@pytest.mark.calm
@pytest.mark.timeout(600)
def test_a_source_that_is_behind_and_data_that_does_not_fit_raise_their_alerts_and_no_others(
    make_release,
):
    # Its events are a quarter of an hour old when they come: lag of the stream, and no row in time.
    start = ago(minutes=15)
    since = start.replace("--start", "since")
    url = f"http://sluice-demo-source:8000/v2/stream/recentchange?{since}"
    release = make_release(
        demoSource__rate=50,
        demoSource__args=[start],
        producers=[{"name": "demo", "url": url}],
        batcher__transform__code=HOOK,
        autoscaling__enabled=False,
    )
    prometheus.start(release, quicker=QUICKER)
    late = ("SluiceFreshnessBurnsFast", "SluiceFreshnessBurnsSlowly")
    raised(release, "SluiceStreamLag", *late)

    # From here on it has events of now; those of before count for hours, which are minutes.
    release.apply(demoSource__args=[soon()])
    replaced = ("SluiceSourceDisconnected", "SluiceSourceSilent")
    fresh = "max(sluice_producer_stream_lag_seconds) < 60"
    until(lambda: prometheus.value(release, fresh) is not None, "new events", deadline=90, pause=1)
    over(release, "SluiceStreamLag", among=(*GOING, *replaced), but=late)

    # Of each hundred rows more than one.
    release.lake.send(
        *(json.dumps({"meta": {"id": f"bad-{n}"}, "bot": "maybe"}) for n in range(200)),
        json.dumps({"meta": {"id": "worse"}, "title": "no hook takes this"}),
    )
    unfit = ("SluiceRowsWithoutEventTime", "SluiceValuesNulled")
    failed = ("SluiceTransformFailures", "SluiceDeadLetters")
    raised(release, *unfit, *failed, among=(*GOING, *late))


@pytest.mark.calm
@pytest.mark.timeout(900)
def test_a_blind_scaler_and_a_frozen_aws_raise_their_alerts_and_no_others(make_release):
    began = time.time()
    release = watched(make_release, soon())

    # All of AWS is frozen: what depends on a call's time-out comes sooner or later.
    felt = (
        "SluiceSentNotWritten",
        *STUCK,
        "SluiceCheckpointWritesFailing",
        "SluiceCheckpointOld",
        "SluiceQueueUnseen",
        "SluiceProducerPaused",
        "SluiceLostLeases",
        "SluiceSourceSilent",
        "SluiceNotWriting",
        "SluiceDeleteFailures",
        "SluiceLeasesNotExtended",
        "SluiceStreamLag",
        "SluiceQueueOld",
        "SluiceFreshnessBurnsFast",
        "SluiceFreshnessBurnsSlowly",
    )
    # From here on nobody counts raw objects: the lake's panels are looked at, too.
    release.apply(compactor__enabled=True, compactor__every="15s", compactor__settle="0")
    until(lambda: keda_looked(release), "KEDA to look at the queue", deadline=90, pause=1)

    # Only KEDA does not see the queue any more: nobody listens there.
    endpoint = scaled_object(release)["spec"]["triggers"][0]["metadata"]["awsEndpoint"]
    ask_at(release, "http://127.0.0.1:9")
    # It counts its failures until the fallback holds, and none after that.
    raised(release, "SluiceScalerErrors")
    raised(release, "SluiceScalerFallback", among=(*GOING, *KEDA))
    assert on_fallback(release)
    ask_at(release, endpoint)
    until(lambda: committed(release), "rows in the lake's table", deadline=90, pause=1)

    release.task("localstack", "pause")
    try:
        raised(release, "SluiceReadNotSent", among=(*GOING, *felt, *KEDA))
    finally:
        release.task("localstack", "resume")
    over(release, "SluiceReadNotSent", among=(*GOING, *felt, *KEDA))
    until(lambda: not on_fallback(release), "KEDA to scale again", deadline=60, pause=1)

    # After all of that each panel still has its data.
    shown = dashboards.ask(release, since=began, until=time.time())
    assert not dashboards.without_data(shown)

    # No test beside the calm ones needs KEDA.
    operator = ("-n", "keda", "scale", "deployment/keda-operator")
    release.cluster.kubectl(*operator, "--replicas=0")
    try:
        raised(release, "SluiceScalerAbsent", among=(*GOING, *felt, *KEDA))
    finally:
        release.cluster.kubectl(*operator, "--replicas=1")
        wait = ("rollout", "status", "deployment/keda-operator", "--timeout=120s")
        release.cluster.kubectl("-n", "keda", *wait)
