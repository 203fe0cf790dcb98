"""The schema of the chart's values is what the settings classes say."""

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_core.settings.quantities import parse_bytes, parse_seconds


@pytest.fixture(scope="module")
def schema(pytestconfig):
    return json.loads((pytestconfig.rootpath / "deploy/helm/sluice/values.schema.json").read_text())


@pytest.fixture(scope="module")
def script(pytestconfig):
    return pytestconfig.rootpath / "deploy" / "scripts" / "chart_schema.py"


def test_the_schema_is_what_the_script_makes(script):
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_setting_brings_its_limits_along(schema):
    batch = schema["properties"]["batcher"]["properties"]["batch"]["properties"]
    assert batch["maxRows"] == {"type": ["integer", "null"], "minimum": 1, "maximum": 5_000_000}
    assert batch["maxAge"] == {"$ref": "#/$defs/duration", "exclusiveMinimum": 0}
    assert schema["properties"]["batcher"]["properties"]["compression"] == {
        "enum": ["none", "gzip", "zstd", "", None]
    }
    assert schema["properties"]["logging"]["properties"]["level"]["enum"][:2] == ["DEBUG", "INFO"]


@given(st.data())
def test_what_the_schema_takes_for_a_quantity_the_services_read(schema, data):
    duration, size = (schema["$defs"][name]["pattern"] for name in ("duration", "size"))
    text = data.draw(st.from_regex(duration, fullmatch=True).filter(bool))
    assert parse_seconds(text) >= 0
    text = data.draw(st.from_regex(size.replace("(\\.[0-9]+)?", ""), fullmatch=True).filter(bool))
    assert parse_bytes(text) >= 0


@pytest.mark.parametrize("text", ["64iB", "64Mb", "1e6", "2 MiB", "-1"])
def test_a_size_that_nobody_can_read_is_refused(schema, text):
    assert re.search(schema["$defs"]["size"]["pattern"], text) is None


@pytest.mark.parametrize("kind", ["podmonitor", "servicemonitor"])
def test_a_scrape_interval_is_what_the_operator_takes(schema, pytestconfig, kind):
    """The pattern is that of its CustomResourceDefinition."""
    crd = pytestconfig.rootpath / f"tests/chart/schemas/crd/{kind}-monitoring-v1.json"
    patterns = set(
        re.findall(
            r'"(?:interval|scrapeTimeout)":\s*\{[^{}]*"pattern":\s*"([^"]*)"', crd.read_text()
        )
    )
    metrics = schema["properties"]["metrics"]["properties"]
    for value in ("interval", "scrapeTimeout"):
        for monitor in ("serviceMonitor", "podMonitor"):
            given = metrics[monitor]["properties"][value]["$ref"].removeprefix("#/$defs/")
            assert {schema["$defs"][given]["pattern"]} == patterns


def test_an_unknown_setting_stops_the_script(script, tmp_path):
    copy = tmp_path / "chart_schema.py"
    copy.write_text(script.read_text())
    copy.with_suffix(".yaml").write_text("defs: {}\nvalues: {a: batcher.batch_max_rowz}\n")
    done = subprocess.run([sys.executable, str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "batcher.batch_max_rowz: no setting of producer, batcher" in done.stderr
