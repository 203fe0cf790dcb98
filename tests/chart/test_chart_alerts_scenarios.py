"""What the rules do with other values, with young pods and with several sources: rules/scenarios/.

Of each scenario: `values` that are not the tests' own (as `--set` has them), `series` and `gone` as in the cases (see
test_chart_alerts.py), `fresh` services that there has never been before, and by minute which alerts fire, all of them.
"""

import pytest
import yaml
from alert_cases import minutes, scenario_test
from alert_rules import CASES, VALUES, promtool_fails

KEYS = {"values", "series", "gone", "fresh", "fires"}


def scenarios():
    """Name → scenario, of all files."""
    found = {}
    for path in sorted((CASES / "scenarios").glob("*.yaml")):
        found |= yaml.safe_load(path.read_text())
    return found


@pytest.mark.parametrize("name", scenarios())
def test_a_scenario_raises_what_is_true_of_it_alone(render, promtool, tmp_path, name):
    scenario = scenarios()[name]
    assert scenario.keys() <= KEYS, name
    times = [minutes(minute) for minute in scenario["fires"]]
    assert times == sorted(set(times)), name
    values = ("--set", scenario["values"]) if "values" in scenario else ()
    groups = render(*VALUES, *values).one("PrometheusRule")["spec"]["groups"]
    assert promtool_fails(promtool, tmp_path, groups, [scenario_test(name, scenario)]) == ""
