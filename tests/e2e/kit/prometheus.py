"""A real Prometheus in the release's namespace, which scrapes all of its pods."""

from kit.release import HERE, Release
from kit.waiting import until


def start(release: Release) -> None:
    """Applies the manifest and waits until producer and batcher are scraped."""
    cluster, namespace = release.cluster, release.namespace
    cluster.kubectl("-n", namespace, "apply", "-f", str(HERE / "prometheus.yaml"))
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/prometheus", "--timeout=90s")
    until(
        lambda: len(cluster.query(namespace, 'up{job=~"producer|batcher"} == 1')) >= 2,
        "Prometheus to scrape both services",
        deadline=60,
    )
