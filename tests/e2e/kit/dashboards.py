"""The release's dashboards, each panel's queries asked of the Prometheus in its namespace."""

import json
import sys
from typing import Any
from urllib.parse import urlencode

import yaml

from kit.release import ROOT, Release

sys.path.append(str(ROOT / "deploy" / "dashboards"))
from chosen import Asked, asked

EVIDENCE = ROOT / ".evidence" / "dashboards"
Shown = list[tuple[Asked, list[dict[str, Any]]]]
"""Panels with their lines; a line has `expr`, `legend`, `metric` and `values` (time, value)."""
STEP = 5
"""Seconds between two points."""


def _boards(release: Release) -> dict[str, str]:
    made = yaml.safe_load(
        release.template("templates/dashboard.yaml", "metrics.dashboard.enabled=true")
    )
    return {name.removesuffix(".json"): text for name, text in made["data"].items()}


def ask(release: Release, *, since: float, until: float) -> Shown:
    """Each panel with its lines between two times (seconds since 1970)."""
    found = []
    for panel in asked(_boards(release), namespace=release.namespace, interval="15s"):
        lines = []
        for expr, legend in panel.queries:
            query = urlencode({"query": expr, "start": since, "end": until, "step": STEP})
            answer = json.loads(
                release.cluster.get(
                    release.namespace, "services/prometheus:9090", f"api/v1/query_range?{query}"
                )
            )
            for line in answer["data"]["result"]:
                points = [(at, float(value)) for at, value in line["values"] if value != "NaN"]
                if points:
                    lines.append(
                        {"expr": expr, "legend": legend, "metric": line["metric"], "values": points}
                    )
        found.append((panel, lines))
    return found


def without_data(shown: Shown) -> list[str]:
    """Page, panel and query of all that has none, but for heartbeats, an option that these releases leave off."""
    return [
        f"{panel.page}: {panel.title}: {expr}"
        for panel, lines in shown
        for expr, _ in panel.queries
        if "heartbeat" not in expr and not any(line["expr"] == expr for line in lines)
    ]


def most(shown: Shown, title: str, legend: str) -> float:
    """The highest point of a panel's line."""
    return max(
        value
        for panel, lines in shown
        if panel.title == title
        for line in lines
        if line["legend"] == legend
        for _, value in line["values"]
    )


def keep(shown: Shown, name: str) -> None:
    """Keeps what the panels show, for `scripts/dashboard_picture.py` to draw."""
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    rows = [
        {"page": panel.page, "row": panel.row, "panel": panel.panel, "lines": lines}
        for panel, lines in shown
    ]
    (EVIDENCE / f"{name}.json").write_text(json.dumps(rows))
