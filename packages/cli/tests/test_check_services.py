"""Which services `sluice check` looks at: in a pod of one service the settings of the others are elsewhere."""

import json
import subprocess

import pytest
from sluice_cli.check.result import failed
from sluice_cli.check.services import Service, unless_elsewhere
from sluice_cli.main import app
from typer.testing import CliRunner

AMONG = (Service.PRODUCER, Service.BATCHER)
BAD = failed("settings of sluice_producer", "SLUICE_USER_AGENT=''", "set it")
NAMES = {
    "sluice_producer": "SLUICE_QUEUE\nSLUICE_EVENT_TIME\nSLUICE_WIRE\n",
    "sluice_batcher": "SLUICE_QUEUE\nSLUICE_EVENT_TIME\nSLUICE_FORMAT\n",
}


def answers(module, option):
    assert option == "--print-variables"
    return subprocess.CompletedProcess([module], 0, NAMES[module], "")


@pytest.mark.parametrize(
    ("environ", "state"),
    [
        ({"SLUICE_QUEUE": "q", "SLUICE_FORMAT": "csv"}, "skipped"),
        ({"SLUICE_FORMAT": "csv", "SLUICE_EVENT_TIME": "a"}, "skipped"),
        ({"SLUICE_FORMAT": "csv", "SLUICE_WIRE": ""}, "skipped"),
        ({"SLUICE_FORMAT": "csv", "SLUICE_WIRE": "plain"}, "failed"),
        # Nobody's own: the defaults are what would run here.
        ({"SLUICE_QUEUE": "q"}, "failed"),
        ({}, "failed"),
    ],
)
def test_a_failure_counts_unless_the_environment_is_anothers(environ, state):
    result = unless_elsewhere(Service.PRODUCER, BAD, AMONG, environ, answers)
    assert (result.name, result.state) == (BAD.name, state)
    if state == "skipped":
        assert "settings of the batcher; --service producer" in result.detail


@pytest.mark.parametrize("told", [subprocess.TimeoutExpired("x", 1), None])
def test_a_failure_counts_where_nobody_tells_the_names(told):
    def runner(module, option):
        if told is not None:
            raise told
        return subprocess.CompletedProcess([module], 2, "", f"unrecognized {option}")

    assert unless_elsewhere(Service.PRODUCER, BAD, AMONG, {"SLUICE_FORMAT": "csv"}, runner) is BAD


def checked(*arguments):
    result = CliRunner().invoke(app, ["check", "--no-aws", "--json", *arguments])
    checks = json.loads(result.stdout)["checks"]
    return result.exit_code, {check["name"]: check["state"] for check in checks}


def test_with_a_batchers_variables_the_producer_is_skipped_unless_it_is_asked_for(monkeypatch):
    for name in ("SLUICE_USER_AGENT", "SLUICE_SOURCE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sluice_cli.check.services.is_installed", lambda: False)
    monkeypatch.setenv("SLUICE_BATCH_MAX_ROWS", "7")
    code, states = checked()
    assert code == 0
    assert states["settings of sluice_producer"] == "skipped"
    assert states["settings of sluice_batcher"] == "ok"
    assert states["source"] == "skipped"
    assert checked("--service", "batcher") == (
        0,
        {"settings of sluice_batcher": "ok", "source": "skipped"},
    )
    code, states = checked("--service", "producer", "--service", "batcher")
    assert code == 1
    assert states["settings of sluice_producer"] == "failed"
