"""The tutorial's commands, run word for word and in its order, end as it says; and so do the README's after a run."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NEEDED = (
    ".venv",
    ".tools",
    "Makefile",
    "pyproject.toml",
    "uv.lock",
    "packages",
    "services",
    "deploy",
)

pytestmark = [pytest.mark.functional, pytest.mark.timeout(600)]


def test_the_tutorial(tmp_path):
    for name in NEEDED:
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    blocks = BLOCKS.findall((ROOT / "docs" / "tutorial.md").read_text())
    assert len(blocks) == 4
    said = [_run(block, tmp_path) for block in blocks]
    for text in (said[0], said[3]):
        assert re.search(r"^events in +5,000\b", text, re.MULTILINE), text
        assert re.search(r"^lost +0\b", text, re.MULTILINE), text
    assert re.search(r"^dt=\d{4}-\d\d-\d\d$", said[1], re.MULTILINE), said[1]
    assert "10 rows of sluice-data" in said[1]
    assert "nothing is lost" in said[1]
    counts = re.findall(r"^(\w+) +(\d+)$", said[2], re.MULTILINE)
    rows = int(re.search(r"^rows out +([\d,]+)", said[0], re.MULTILINE)[1].replace(",", ""))
    assert {"edit", "new"} <= {kind for kind, _ in counts}, said[2]
    assert sum(int(count) for _, count in counts) == rows

    # The README's, when two runs lie in the folder.
    again = _run(blocks[0], tmp_path)
    rows = re.search(r"^rows out +([\d,]+)", again, re.MULTILINE)[1]
    assert len(list((tmp_path / "sluice-data" / "earlier").iterdir())) == 1
    start, look = BLOCKS.findall((ROOT / "README.md").read_text())
    assert re.findall(r"^make \w+", start, re.MULTILINE) == ["make run", "make test"]
    account = _run(look, tmp_path)
    assert "10 rows of sluice-data" in account
    assert re.search(rf"^│ source +│ +{5000:,} │", account, re.MULTILINE), account
    assert re.search(rf"^│ (stored|in the table) +│ +{rows} │", account, re.MULTILINE), account
    assert "nothing is lost" in account
    said = _run(".venv/bin/sluice read -o all.csv", tmp_path)
    assert said == f"{rows} rows written to all.csv\n"


def _run(commands: str, where: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=where,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout
