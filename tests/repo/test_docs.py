"""What the documentation names is there: modules, files, links, and the headings that links lead to."""

import re
from collections import Counter
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "deploy", "benchmarks", "packages", "services", "tests", "scripts")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md"))]
)
MODULE = re.compile(r"\bsluice_(?:core|cli|local|producer|batcher|compactor)(?:\.[A-Za-z_]\w*)+")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w./-])(?:docs|deploy|benchmarks)/[\w./-]+\.(?:md|py|json|yaml)\b")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
ANCHOR = re.compile(r'<a (?:name|id)="([^"]+)"')


def there(name: str) -> bool:
    """Whether a dotted name is a module, or a module's attribute."""
    try:
        if find_spec(name) is not None:
            return True
    except ModuleNotFoundError:
        pass
    module, _, attribute = name.rpartition(".")
    try:
        return hasattr(import_module(module), attribute)
    except ModuleNotFoundError:
        return False


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text())


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them: small letters, no punctuation, a dash for a space; the
    second of a name ends in -1 (https://docs.github.com/en/get-started/writing-on-github, "section links")."""
    seen: Counter[str] = Counter()
    found = set(ANCHOR.findall(page.read_text()))
    for heading in HEADING.findall(prose(page)):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


def broken(page: Path, links: list[str]) -> set[str]:
    """The links to files that are not there, or to headings that their page does not have."""
    found = set()
    for link in links:
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target)
        ):
            found.add(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_files_and_headings_that_a_page_names_are_there(page):
    text = page.read_text()
    assert not {name for name in MODULE.findall(text) if not there(name)}
    assert not broken(page, LINK.findall(prose(page)))
    assert not {path for path in PATH.findall(text) if not (ROOT / path).exists()}


def test_what_is_not_there_would_be_found(tmp_path):
    assert there("sluice_core.service.threads")
    assert there("sluice_core.service.threads.Threads")
    assert not there("sluice_core.service.thread")
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    page.write_text("# A `code`, and [a link](x)!\n## Twice\n## Twice\n```sh\n# no heading\n```\n")
    other.write_text("# There\n")
    assert anchors(page) == {"a-code-and-a-link", "twice", "twice-1"}
    good = ["#twice-1", "other.md", "other.md#there", "https://x.example/#y"]
    bad = ["#no-heading", "other.md#here", "none.md", "none.md#there"]
    assert broken(page, [*good, *bad]) == set(bad)
    assert PATH.findall("see docs/none.md.") == ["docs/none.md"]
