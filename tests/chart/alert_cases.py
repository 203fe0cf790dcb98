"""The cases of tests/chart/rules/ as promtool's tests."""

import re
from collections import Counter

import yaml
from alert_rules import BEFORE, CASES, POD

BARE = ("up", "process_start_time_seconds")
"""Series without a label that tells the component: in the cases they have one."""


def cases():
    """Alert, and perhaps its service → its case, of all files."""
    found = {}
    for path in sorted(CASES.glob("*.yaml")):
        if path.stem != "healthy":
            found |= yaml.safe_load(path.read_text())
    return found


def labelled(series):
    """A series with the labels of its pod, where the name's prefix or `component` tells which that is."""
    name, _, rest = series.partition("{")
    given = rest.removesuffix("}")
    found = re.match(r"sluice_(producer|batcher|compactor)_", name) or re.search(
        r'component="(\w+)"', given if name in (*BARE, "sluice_build_info") else ""
    )
    if found is None:
        return series
    if name in BARE:
        given = re.sub(r'component="\w+",?', "", given)
    own = ",".join(
        label for label in POD[found[1]].split(",") if label.split("=")[0] + "=" not in given
    )
    return f"{name}{{{','.join(filter(None, (own, given)))}}}"


def component(series):
    for name, labels in POD.items():
        if labels.split(",")[1] in labelled(series):
            return name
    return None


def continued(values, end):
    """The values with a count for the last: it goes on to the end. `(1 0)x5` is five times the two."""
    values = re.sub(r"\(([^)]+)\)x(\d+)", lambda m: " ".join([m[1]] * int(m[2])), str(values))
    return f"{values}{end}" if values.endswith("x") else values


def series_of(case, end):
    """The series of a case, up to minute `end`."""
    healthy = yaml.safe_load((CASES / "healthy.yaml").read_text())
    changed = case.get("series", {})
    result = []
    for name in healthy | changed:
        before = healthy.get(name)
        new = before is None or component(name) in case.get("fresh", ())
        prefix = f"_x{BEFORE}" if new else f"{before}{BEFORE - 1}"
        away = case.get("gone", {}).get(component(name)) if before is not None else None
        if name in changed:
            after = continued(changed[name], end)
        elif away is not None:
            after = f"stale _x{away - 1} {continued(before, end)}"
        elif new:
            after = continued(before, end)
        else:
            # Goes on counting where it was.
            prefix, after = "", f"{before}{BEFORE + end}"
        result.append({"series": labelled(name), "values": f"{prefix} {after}".strip()})
    return result


def minutes(text):
    return int(text.removesuffix("m"))


def at(minute, firing):
    """That these alerts fire in that minute of the fault, and no others."""
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{BEFORE + minute}m",
        "exp_samples": [
            {"labels": f'{{alertname="{name}"}}', "value": count}
            for name, count in Counter(firing).items()
        ],
    }


def promtool_test(name, case):
    """A case as promtool's test."""
    alert, _, service = name.partition(" ")
    silent = case["silent"] if isinstance(case["silent"], list) else [case["silent"]]
    checks = [at(-1, [])]
    checks += [at(minutes(text), []) for text in silent]
    checks += [at(minutes(case["fires"]), [alert, *case.get("with", [])])]
    if service:
        fired = checks[-1] | {
            "expr": f'count by (service) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
            "exp_samples": [{"labels": f'{{service="{service.strip("()")}"}}', "value": 1}],
        }
        checks.append(fired)
    checks += [at(minutes(case["resolved"]), [])]
    return {
        "name": name,
        "interval": "1m",
        "input_series": series_of(case, minutes(case["resolved"]) + 1),
        "promql_expr_test": checks,
    }


def scenario_test(name, scenario):
    """A scenario as promtool's test: what fires in each of its minutes, and nothing before it unless it says so."""
    fires = {-1: []} | {minutes(minute): alerts for minute, alerts in scenario["fires"].items()}
    return {
        "name": name,
        "interval": "1m",
        "input_series": series_of(scenario, max(fires) + 1),
        "promql_expr_test": [at(*moment) for moment in fires.items()],
    }
