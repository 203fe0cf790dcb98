"""docs/reference/alerts.md, from the rules as helm renders them with the chart's own values and everything switched on."""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

CHART: Final = Path(__file__).resolve().parent.parent / "deploy" / "helm" / "sluice"
RULES: Final = CHART / "templates" / "rules"
RENDERED: Final = (
    "--namespace", "NAMESPACE",
    "--api-versions", "keda.sh/v1alpha1",
    "--api-versions", "monitoring.coreos.com/v1",
    "--set", "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true",
    "--set", "compactor.enabled=true,compactor.every=10m,producer.heartbeat=60s",
    "--set", "producers[0].name=source,producers[0].url=https://sse.example/x",
    "--set", "queue.url=https://sqs.us-east-1.amazonaws.com/123456789012/sse_queue",
)  # fmt: skip
HEAD: Final = """# Alerts
Those of the chart (`metrics.prometheusRule.enabled`), with its default values. Each name leads to its runbook. All carry the labels `severity` and `release`, the annotations `summary`, `description` and `runbook_url`, and what `ruleLabels` and `ruleAnnotations` add. An alert is switched off by `metrics.prometheusRule.disabled: {NAME: true}`, rules of your own are added by `additionalGroups`. The values beside an alert are those that it depends on.

In the expressions what selects the release (`namespace`, `pod`, `job`) is left out.
"""
_SELECTOR: Final = re.compile(r'(exported_)?namespace="NAMESPACE",?((pod|job)=~?"[^"]*",?)*')
_VALUE: Final = re.compile(r"(\$[a-z]|\.Values)\.([A-Za-z.]+)")
_PLACES: Final = {
    "$r": "metrics.prometheusRule.",
    "$f": "metrics.prometheusRule.freshness.",
    "$a": "autoscaling.",
    "$c": "compactor.",
    ".Values": "",
}
_LOCALS: Final = {
    "$age": "batcher.batch.maxAge",
    "$window": "batcher.batch.maxAge",
    "$patience": "batcher.batch.maxAge",
    "$asleep": "autoscaling.minReplicas",
    "$beat": "producer.heartbeat",
    "$unseen": "compactor.every compactor.pushgateway",
    "$late": "metrics.prometheusRule.maxCompactionAgeSeconds",
    "$old": "metrics.prometheusRule.maxCompactionAgeSeconds compactor.settle",
}
"""What the templates call their parts of the values, and some of these by name."""


def render(helm: str) -> list[dict[str, Any]]:
    """The groups of rules, with the compactor as a Deployment and as a CronJob. Raises ValueError when helm refuses."""
    groups = _rendered(helm)
    for group, other in zip(groups, _rendered(helm, "--set", "compactor.every="), strict=True):
        group["rules"] += [rule for rule in other["rules"] if rule not in group["rules"]]
    return groups


def _rendered(helm: str, *values: str) -> list[dict[str, Any]]:
    command = [helm, "template", "sluice", str(CHART), *RENDERED, *values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (helm, as it was found)
    if done.returncode:
        raise ValueError(f"helm refused the values of scripts/alerts.py: {done.stderr.strip()}")
    for made in yaml.safe_load_all(done.stdout):
        if made and made["kind"] == "PrometheusRule":
            groups: list[dict[str, Any]] = made["spec"]["groups"]
            return groups
    raise ValueError("the chart has no PrometheusRule")


def page(groups: list[dict[str, Any]], made: str) -> str:
    """The page, as Markdown; `made` is its first line."""
    values = _values()
    parts = [made, HEAD]
    for group in groups:
        parts += [
            f"## {group['name'].removeprefix('sluice-')}",
            "| alert | severity | for | | values |",
            "|---|---|---|---|---|",
        ]
        rules = [rule for rule in group["rules"] if "alert" in rule]
        for rule in rules:
            name = rule["alert"]
            twice = sum(name == other["alert"] for other in rules) > 1
            whose = f" ({rule['labels']['service']})" if twice else ""
            used = ", ".join(f"`{value}`" for value in values.get(name, ())) or "–"
            parts.append(
                f"| [{name}](../runbooks/{name}.md){whose} | {rule['labels']['severity']} | {rule.get('for', '–')} "
                f"| {rule['annotations']['summary']} | {used} |"
            )
        parts += ["", "```text"]
        for rule in group["rules"]:
            lines = _readable(rule["expr"]).splitlines()
            parts += [f"{rule.get('alert') or rule['record']}:", *(f"  {line}" for line in lines)]
        parts += ["```", ""]
    return "\n".join(parts)


def _readable(expr: str) -> str:
    bare = _SELECTOR.sub("", expr).replace("{}", "").replace(",}", "}")
    return re.sub(r"(\S+) or \1(?=[\s)])", r"\1", bare)


def _values() -> dict[str, list[str]]:
    """Alert → the chart's values that stand in its rule."""
    found: dict[str, list[str]] = {}
    for path in sorted(RULES.glob("_*.tpl")):
        for text in re.split(r"^- (?=alert: |record: )", path.read_text(), flags=re.MULTILINE)[1:]:
            if text.startswith("alert: "):
                names = {f"{_PLACES[place]}{name}" for place, name in _VALUE.findall(text)}
                names |= {
                    name
                    for local, some in _LOCALS.items()
                    if re.search(rf"\{local}\b", text)
                    for name in some.split()
                }
                found[text.split()[1]] = sorted(names)
    return found
