"""What the repository says about itself is true."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(ROOT.glob("*/*/src/**/*.py"))


def test_the_reference_is_made_from_the_code():
    done = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "page", ["README.md", "docs/explanation/guarantees.md", "deploy/README.md"]
)
def test_every_test_that_a_page_names_exists(page):
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`(test_\w+)`", text))
    defined = {
        name
        for folder in ("packages", "services", "tests")
        for path in (ROOT / folder).rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named <= defined
    assert named or page == "README.md"


def test_the_readme_stays_one_screen():
    text = (ROOT / "README.md").read_text()
    lines = re.sub(r"```mermaid.*?```", "", text, flags=re.DOTALL).splitlines()
    assert len([line for line in lines if line and not line.startswith(("![", "[!["))]) <= 45
    assert len(text.split()) <= 750
    assert re.findall(r"^make (\w+)", text, re.MULTILINE) == ["run", "test"]


def test_the_readmes_figures_are_the_benchmarks():
    page = (ROOT / "docs" / "benchmarks.md").read_text().partition("## Targets")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| packed →") and line.count("|") == 7
    ]
    assert len(rows) >= 8
    article = [int(row[5]) for row in rows]
    bento = [float(row[4]) for row in rows if row[4] != "–"]
    text = (ROOT / "README.md").read_text()
    assert f"a {min(article)}th to a {max(article)}th of the CPU" in text
    assert "between about as much and a quarter of what it takes Bento" in text
    assert 0.8 <= min(bento) <= 1.2
    assert round(max(bento)) == 4


def test_the_index_of_the_documentation_names_every_page():
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text()
    pages = {
        str(path.relative_to(docs))
        for path in docs.rglob("*.md")
        if "runbooks" not in path.parts and path.name != "README.md"
    }
    assert not {page for page in pages if f"({page}" not in index}


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
