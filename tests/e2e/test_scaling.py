"""KEDA scales the batcher on the backlog, out and in, and scale-in costs neither rows nor file size."""

import json
import time

import pytest
from kit import dashboards, prometheus
from kit.replicas import Replicas
from kit.source import expected
from kit.timeline import Timeline
from kit.waiting import until

EVENTS = 30_000
A_PACK = 4
"""Events: so many messages that a batcher alone is at work on them for longer than four take to start."""
LATE, TO_AN_OBJECT = 2400, 4
"""Messages that the first batcher alone is at work on for longer than the autoscaler's 15 s between two looks: small objects
make it slow, where more messages would make the test slow."""
# Slow, so that the backlog outlasts KEDA's first look.
SLOW = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "200m", "memory": "1Gi"}}


@pytest.mark.timeout(720)
def test_one_to_many_to_one_and_none_to_many_to_none(make_release, cluster):
    release = make_release(
        demoSource__args=[f"--events={EVENTS}"],
        demoSource__rate=700,
        producer__pack__maxEvents=A_PACK,
        batcher__maxHeldMessages=40,
        batcher__resources=SLOW,
        autoscaling__pausedReplicas=0,
    )
    ids = expected(EVENTS)
    prometheus.start(release, services=1)
    until(lambda: _paused(release) == 1, "KEDA to tell that it is paused", deadline=30)
    began = time.time()
    until(lambda: release.lake.depth()[0] >= len(ids) // A_PACK // 2, "a backlog", deadline=120)
    release.wait_ready("batcher", 0)

    with Replicas(cluster, release.namespace, "sluice-batcher") as pods:
        release.apply(wait=False, autoscaling__pausedReplicas=None)
        out = pods.wait_for(3, deadline=300, at_least=True)
        found = release.lake.wait_for(ids, deadline=240)
        release.lake.wait_empty(deadline=60)
        drained = pods.seconds()
        assert _paused(release) == 0
        written = set(release.lake.objects)
        back = pods.wait_for(1, deadline=150)
        print(
            f"1 to N to 1: {pods}; 3 pods at {out:.0f} s, backlog gone at {drained:.0f} s, 1 pod at {back:.0f} s"
        )
        assert pods.most <= 4
        assert found.total() == len(found) == len(ids)  # each exactly once: nobody was killed

        shown = dashboards.ask(release, since=began, until=time.time())
        dashboards.keep(shown, "scaling")
        assert not dashboards.without_data(shown)
        for line in ("wanted", "had"):
            assert 3 <= dashboards.most(shown, "Batchers wanted and had", line) <= 4

        # What scale-in took away held nothing, and wrote nothing on its way out.
        release.wait_ready("batcher", 1)
        release.lake.refresh()
        assert set(release.lake.objects) == written
        drains = [
            line
            for text in release.logs.read("batcher").values()
            for line in text.splitlines()
            if '"draining"' in line
        ]
        assert len(drains) >= 2
        assert {json.loads(line)["messages"] for line in drains} == {0}

    names = [f"late-{n}" for n in range(LATE)]
    with Replicas(cluster, release.namespace, "sluice-batcher") as pods:
        release.apply(wait=False, autoscaling__minReplicas=0, batcher__batch__maxRows=TO_AN_OBJECT)
        asleep = pods.wait_for(0, deadline=120)
        # A pod on its way out would still take what its last poll brings.
        release.wait_ready("batcher", 0)
        with Timeline(cluster, release.namespace, "sluice-batcher") as seen:
            release.lake.send_at_once([_event(name) for name in names])
            seen.wait_ready(4, deadline=180)
        release.lake.wait_for([*ids, *names], deadline=120)
        again = pods.wait_for(0, deadline=120)
        print(f"none to N to none: 0 pods at {asleep:.0f} s, 0 again at {again:.0f} s\n{seen}")
    assert release.lake.ids().total() == len(ids) + LATE
    # KEDA makes the first pod, and the autoscaler all others in one step.
    assert seen.numbers("wanted")[:3] == [0, 1, 4]


def _paused(release):
    """What SluiceScalingPaused goes by."""
    told = f'max(keda_scaled_object_paused{{exported_namespace="{release.namespace}"}})'
    return prometheus.value(release, told)


def _event(name: str) -> str:
    return json.dumps(
        {
            "meta": {"id": name},
            "id": 1,
            "type": "edit",
            "title": name,
            "timestamp": int(time.time()),
        }
    )
