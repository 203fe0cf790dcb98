"""What the repository says about itself is true."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(ROOT.glob("*/*/src/**/*.py"))


def test_the_table_of_settings_is_made_from_the_classes():
    done = subprocess.run(
        [sys.executable, "scripts/settings_table.py", "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_every_file_that_the_readme_links_to_exists():
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_test_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text()
    named = re.findall(r"`(test_\w+)`", text)
    assert named
    defined = {
        name
        for folder in ("packages", "services", "tests")
        for path in (ROOT / folder).rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert [name for name in named if name not in defined] == []


def test_one_version():
    from sluice_core import __version__

    found = {
        tomllib.loads(path.read_text())["project"]["version"]
        for path in [ROOT / "pyproject.toml", *ROOT.glob("*/*/pyproject.toml")]
    }
    assert found == {__version__}


def test_no_module_grows_past_one_idea():
    long = {str(p): n for p in SOURCES if (n := len(p.read_text().splitlines())) > 400}
    assert not long


@pytest.mark.parametrize("forbidden", ["pandas", "pyarrow", "numpy"])
def test_the_producer_starts_without(forbidden):
    code = f"import sys; sys.modules[{forbidden!r}] = None; import sluice_producer.app"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
