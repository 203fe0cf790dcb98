"""docs/reference/exit-codes.md: its codes are the code's, and without AWS credentials everything ends alike."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sluice_core import errors

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


def test_the_page_has_the_codes_that_errors_end_with() -> None:
    def all_of(kind: type[errors.SluiceError]) -> set[type[errors.SluiceError]]:
        return {kind}.union(*map(all_of, kind.__subclasses__()))

    codes = {errors.exit_code(kind.__new__(kind)) for kind in all_of(errors.SluiceError)}
    page = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"
    told = set(map(int, re.findall(r"^\| (\d+) \|", page.read_text(), re.MULTILINE)))
    assert told == codes | {0}
