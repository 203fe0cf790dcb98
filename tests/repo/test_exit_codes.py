"""Without AWS credentials every command and both services end alike: docs/reference/exit-codes.md."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_CLEARED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")


@pytest.mark.parametrize(
    "arguments",
    [
        ["sluice_cli.main", "dlq", "ls"],
        ["sluice_cli.main", "dlq", "redrive"],
        ["sluice_cli.main", "verify"],
        ["sluice_cli.main", "read", "s3://sse-bucket/events"],
        ["sluice_cli.main", "check", "--no-source"],
        ["sluice_producer"],
        ["sluice_batcher"],
    ],
    ids=" ".join,
)
def test_no_credentials(arguments: list[str], tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in _CLEARED}
    environ |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "SLUICE_USER_AGENT": "test (mailto:nobody@example.org)",
        "SLUICE_HTTP_PORT": "0",
    }
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "no usable AWS credentials" in done.stdout + done.stderr
    assert done.returncode == 2
