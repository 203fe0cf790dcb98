"""The chart's rules as a test can wait for them: the same rules, in less time."""

import re
from typing import Any

import yaml

from kit.release import Release

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MONITORED = "metrics.prometheusRule.enabled=true,metrics.serviceMonitor.enabled=true"


def of_the_chart(release: Release) -> dict[str, Any]:
    """The rule groups that the chart makes for this release; the cluster has no Prometheus operator to take them."""
    made = release.template("templates/rules/prometheusrule.yaml", _MONITORED)
    spec: dict[str, Any] = yaml.safe_load(made)["spec"]
    return spec


def quickened(spec: dict[str, Any], factor: int) -> dict[str, Any]:
    """`for`, ranges and the seconds after `time() -`, each divided by `factor` and at least 5 s.

    KEDA looks no oftener for that: the ranges of its series are at least 15 s. It counts a look that failed when its retries
    have, which may be after a minute: the ranges of its counters are at least 45 s, and what they tell need hold for 5 s only.
    """

    def seconds(number: str, unit: str, least: int = 5) -> int:
        return max(least, int(number) * _UNITS[unit] // factor)

    def quick(rule: dict[str, Any]) -> dict[str, Any]:
        counted = "increase(keda_" in str(rule["expr"])
        least = 45 if counted else 15 if "(keda_" in str(rule["expr"]) else 5
        expr = re.sub(
            r"\[(\d+)([smhd])\]", lambda m: f"[{seconds(m[1], m[2], least)}s]", str(rule["expr"])
        )
        expr = re.sub(r"time\(\) - (\d+)", lambda m: f"time() - {seconds(m[1], 's')}", expr)
        changed = {**rule, "expr": expr}
        if "for" in rule:
            found = re.fullmatch(r"(\d+)([smhd])", rule["for"])
            assert found, rule["for"]
            changed["for"] = "5s" if counted else f"{seconds(found[1], found[2])}s"
        return changed

    groups = [{**g, "rules": [quick(rule) for rule in g["rules"]]} for g in spec["groups"]]
    return {"groups": groups}
