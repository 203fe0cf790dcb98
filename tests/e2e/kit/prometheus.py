"""A real Prometheus in the release's namespace, which scrapes all of its pods as the operator's would."""

import json
from typing import Any

from kit.release import HERE, Release
from kit.rules import of_the_chart, quickened
from kit.waiting import until


def start(release: Release, *, quicker: int | None = None, services: int = 2) -> None:
    """Applies the manifest and waits until so many services (producer and batcher) are scraped.

    With `quicker` it has the chart's rules, their times divided by so much.
    """
    cluster, namespace = release.cluster, release.namespace
    if quicker is not None:
        rules = quickened(of_the_chart(release), quicker)
        apply(release, "prometheus-rules", {"rules.yml": json.dumps(rules)})
    manifest = (HERE / "prometheus.yaml").read_text().replace("NAMESPACE", namespace)
    cluster.kubectl("-n", namespace, "apply", "-f", "-", input=manifest)
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/prometheus", "--timeout=90s")
    until(
        lambda: len(cluster.query(namespace, 'up{job=~"sluice-.+"} == 1')) >= services,
        "Prometheus to scrape the services",
        deadline=60,
    )


def apply(release: Release, name: str, data: dict[str, str]) -> None:
    """A ConfigMap with these files."""
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }
    release.cluster.kubectl("-n", release.namespace, "apply", "-f", "-", input=json.dumps(manifest))


def value(release: Release, expression: str) -> float | None:
    """The one value that an expression has now; None: it has none. Raises ValueError where there are more."""
    found = release.cluster.query(release.namespace, expression).values()
    if not found:
        return None
    (only,) = found
    return only


def firing(release: Release) -> set[str]:
    """Names of the alerts that fire now."""
    found = release.cluster.query(release.namespace, 'ALERTS{alertstate="firing"}')
    return {json.loads(labels)["alertname"] for labels in found}
