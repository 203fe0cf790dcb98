"""`make scale-times`: from messages in an empty queue to the first batcher, and to as many as they need.

On the cluster of `make up`, in a namespace of its own, at the values of values-kind.yaml with
`autoscaling.minReplicas: 0`. The messages are sent with a delay, so that all come at one moment.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))

from kit.cluster import Cluster
from kit.release import CHART, Release
from kit.timeline import Timeline
from kit.waiting import until

NAMESPACE = "sluice-scale-times"
STEPS = ("first wanted", "first running", "first started", "first ready", "all wanted", "all ready")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--messages",
        type=int,
        default=20_000,
        help="how many come at once; more than the first pod empties before the autoscaler looks",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="a.b=JSON", help="a value of the chart"
    )
    arguments = parser.parse_args()
    cluster = Cluster(f"kind-{os.environ.get('CLUSTER', 'sluice')}")
    given = {
        name: json.loads(value) for name, value in (each.split("=", 1) for each in arguments.set)
    }
    values = {"autoscaling.minReplicas": 0, "compactor.enabled": False, **given}
    cluster.make_namespace(NAMESPACE)
    release = Release(
        cluster,
        NAMESPACE,
        _tag(cluster),
        values=values,
        files=("-f", str(CHART / "values-kind.yaml")),
    )
    try:
        release.apply()
        cluster.kubectl("-n", NAMESPACE, "scale", "deployment/sluice-producer-demo", "--replicas=0")
        rounds = [_round(release, number, arguments.messages) for number in range(arguments.rounds)]
    finally:
        release.close()
        cluster.drop_namespace(NAMESPACE, wait=False)
    print("\nseconds since the messages came, by round; the median")
    for step in STEPS:
        seconds = [each[step] for each in rounds]
        print(
            f"{step:14} {'  '.join(f'{s:5.1f}' for s in seconds)}   {statistics.median(seconds):5.1f}"
        )


def _round(release: Release, number: int, messages: int) -> dict[str, float]:
    """One wake from none; its steps in seconds."""
    until(lambda: not release.pods("batcher"), "the last batcher to go", deadline=180)
    release.lake.wait_empty(deadline=60)
    release.lake.send_at_once([_event(f"{number}-{n}") for n in range(messages)])
    with Timeline(release.cluster, release.namespace, "sluice-batcher") as seen:
        due = 60 + messages / 100
        until(lambda: sum(release.lake.depth()) > 0, "the messages", deadline=due, pause=0.05)
        load = os.getloadavg()[0]
        seen.restart()
        first = seen.wait_ready(1, deadline=120)
        most = until(
            lambda: max(seen.numbers("autoscaler"), default=0) > 1 and max(seen.numbers("wanted")),
            "the autoscaler to ask for more than one pod; did the first empty the queue? (--messages)",
            deadline=90,
        )
        every = seen.wait_ready(most, deadline=120)
    print(
        f"\nround {number + 1}: load {load:.1f} before, {os.getloadavg()[0]:.1f} after; {most} pods\n{seen}",
        flush=True,
    )
    release.lake.wait_empty(deadline=300)
    return {
        "first wanted": seen.first("wanted", 1),
        "first running": seen.first("running"),
        "first started": seen.first("started"),
        "first ready": first,
        "all wanted": seen.first("wanted", most),
        "all ready": every,
    }


def _event(name: str) -> str:
    event = {
        "meta": {"id": name},
        "id": 1,
        "type": "edit",
        "title": name,
        "timestamp": int(time.time()),
    }
    return json.dumps(event)


def _tag(cluster: Cluster) -> str:
    """The tag of the images that `make up` has installed."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    found = cluster.kubectl(
        "-n", os.environ.get("NAMESPACE", "sluice"), "get", "deployment/sluice-batcher", "-o", path
    )
    return found.stdout.rpartition(":")[2]


if __name__ == "__main__":
    main()
