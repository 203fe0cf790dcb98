"""The real process, without a network: what it says and how it exits."""

import os
import signal
import socket
import subprocess
import sys

import pytest


def start(**settings):
    names = {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    return names | {f"SLUICE_{k.upper()}": v for k, v in settings.items()}


def run(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "sluice_batcher", *arguments],
        env=start(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_print_config():
    done = run("--print-config", format="parquet", batch_max_age="1m")
    assert done.returncode == 0
    assert "SLUICE_FORMAT=parquet\n" in done.stdout
    assert "SLUICE_BATCH_MAX_AGE=60.0\n" in done.stdout


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "xml"}, "SLUICE_FORMAT='xml'"),
        ({"shutdown_grace": "3s"}, "SLUICE_SHUTDOWN_GRACE=3s"),
        ({"transform": "nowhere:hook"}, "SLUICE_TRANSFORM='nowhere:hook'"),
    ],
)
def test_bad_settings_exit_with_2_and_one_line(settings, message):
    done = run(**settings)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_column_file_with_an_error_exits_with_2(tmp_path):
    path = tmp_path / "columns.yaml"
    path.write_text("columns:\n  - name: a\n    type: integr\n")
    done = run(columns=str(path))
    assert done.returncode == 2
    assert f"{path}:3: type 'integr' is not one of" in done.stderr


def test_sigterm_while_waiting_for_aws_is_a_clean_stop():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "sluice_batcher"],
            env=start(http_port="0", http_host="127.0.0.1") | {"AWS_ENDPOINT_URL": nobody},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in process.stdout:
            if '"waiting"' in line:
                break
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0, rest
    assert "stopped before the start was complete" in rest
