"""What explains a failure, before the namespace goes."""

from pathlib import Path

from kit.release import NAME, Release


def keep(release: Release, directory: Path) -> None:
    """Writes manifests, pods, events, scaling and queue into `directory`; the logs are there already."""
    cluster, namespace = release.cluster, release.namespace
    looks = {
        "pods.txt": ["get", "pods", "-o", "wide"],
        "describe.txt": ["describe", "pods"],
        "events.txt": ["get", "events", "--sort-by=.lastTimestamp"],
        "scaling.yaml": ["get", "scaledobject,hpa", "-o", "yaml"],
    }
    for name, arguments in looks.items():
        done = cluster.kubectl("-n", namespace, *arguments, check=False)
        (directory / name).write_text(done.stdout + done.stderr)
    done = release.helm("get", "all", NAME, check=False)
    (directory / "release.txt").write_text(done.stdout + done.stderr)
    try:
        state = f"waiting and in flight: {release.lake.depth()}\nobjects: {len(release.lake.refresh())}\n"
    except Exception as error:  # noqa: BLE001  (whatever is broken here is part of the evidence)
        state = f"cannot be read: {error!r}\n"
    (directory / "queue.txt").write_text(state)
