"""The cases of tests/chart/rules/ as promtool's tests."""

import re

import yaml
from alert_rules import BEFORE, CASES, POD


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
        r'component="(\w+)"', given if name in ("up", "sluice_build_info") else ""
    )
    if found is None:
        return series
    if name == "up":
        given = ""
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
    """The values with a count for the last: it goes on to the end."""
    return f"{values}{end}" if values.endswith("x") else values


def series_of(case):
    healthy = yaml.safe_load((CASES / "healthy.yaml").read_text())
    changed = case.get("series", {})
    end = minutes(case["resolved"]) + 1
    result = []
    for name in healthy | changed:
        before = healthy.get(name)
        prefix = f"_x{BEFORE}" if before is None else f"{before}{BEFORE - 1}"
        away = case.get("gone", {}).get(component(name)) if before is not None else None
        if name in changed:
            after = continued(changed[name], end)
        elif away is not None:
            after = f"stale _x{away - 1} {continued(before, end)}"
        else:
            # Goes on counting where it was.
            prefix, after = "", f"{before}{BEFORE + end}"
        result.append({"series": labelled(name), "values": f"{prefix} {after}".strip()})
    return result


def minutes(text):
    return int(text.removesuffix("m"))


def promtool_test(name, case):
    alert, _, service = name.partition(" ")

    def at(minute, firing):
        return {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": f"{BEFORE + minute}m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing],
        }

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
        "input_series": series_of(case),
        "promql_expr_test": checks,
    }
