"""docs/how-to/toolbox.md: `sluice` with the environment of a service's pod."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("ending", "given", "skipped"),
    [
        ("-batcher", (), {"settings of sluice_producer", "source"}),
        ("-producer-wikimedia", ("--service", "producer", "--no-source"), set()),
    ],
)
def test_check_passes_with_the_variables_of_a_services_pod(
    render, production_values, ending, given, skipped
):
    environment = render(*production_values).environment(ending)
    done = subprocess.run(
        [sys.executable, "-m", "sluice_cli.main", "check", "--no-aws", "--json", *given],
        env={"PATH": os.environ["PATH"]}
        | {name: value for name, value in environment.items() if isinstance(value, str)},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    checks = {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, checks
    assert {name for name, state in checks.items() if state == "skipped"} == skipped
