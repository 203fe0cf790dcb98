"""The command line: quick help, generate, serve-events."""

import json
import signal
import subprocess
import sys

import pytest
from sluice_cli.main import app
from sluice_local.resources import Names
from typer.testing import CliRunner

HEAVY = ("pandas", "pyarrow", "boto3", "botocore", "requests", "numpy")


def test_help_lists_every_command_and_imports_nothing_heavy():
    script = (
        "import sys\n"
        "from sluice_cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    for name in ("run", "verify", "read", "dlq", "check", "generate", "serve-events"):
        assert name in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["run", "generate", "serve-events"])
def test_each_command_has_help(name):
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert f"sluice {name}" in result.output or name in result.output


def test_an_unknown_command():
    assert CliRunner().invoke(app, ["nope"]).exit_code == 2


def test_generate_writes_the_same_events_for_a_seed(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for path in (one, two):
        arguments = ["--events", "1500", "--seed", "3", "--start", "2026-11-23T18:00:00Z"]
        assert CliRunner().invoke(app, ["generate", *arguments, "-o", str(path)]).exit_code == 0
    assert one.read_bytes() == two.read_bytes()
    ids = [json.loads(line)["meta"]["id"] for line in one.read_bytes().split(b"\n")[:-1]]
    assert len(set(ids)) == 1500


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--format", "xml"], "'parquet'"),
        (["--duration", "x"], "duration"),
        (["--rows", "0"], "greater than or equal to 1"),
    ],
)
def test_run_refuses_before_it_starts_anything(arguments, rule):
    result = CliRunner().invoke(app, ["run", *arguments])
    assert result.exit_code == 2
    assert rule in result.output


def test_generate_refuses_a_start_that_is_no_time():
    result = CliRunner().invoke(app, ["generate", "--start", "soon"])
    assert result.exit_code == 2
    assert "ISO 8601" in result.output


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--dialect", "latin"], "'anonymous'"),
        (["--at-end", "explode"], "'stop'"),
        (["--fault", "cut@"], "is no fault"),
        (["--span", "30h"], "needs --events"),
        (["--retention", "long"], "duration"),
        (["--start", "soon"], "ISO 8601"),
    ],
)
def test_serve_events_refuses(arguments, rule):
    result = CliRunner().invoke(app, ["serve-events", "--port", "0", *arguments])
    assert result.exit_code == 2
    assert rule in result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_events_ends_in_order_on_a_signal_even_when_it_comes_twice(number):
    process = subprocess.Popen(
        [sys.executable, "-m", "sluice_cli.main", "serve-events", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert "serving endless events at http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(number)
        process.send_signal(number)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_names_are_the_services_settings():
    assert Names("q", "d", "bucket").environ() == {
        "SLUICE_QUEUE": "q",
        "SLUICE_DLQ": "d",
        "SLUICE_BUCKET": "bucket",
    }
