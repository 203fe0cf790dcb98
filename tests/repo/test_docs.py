"""What the documentation names is there."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
MODULE = re.compile(r"\bsluice_(?:core|cli|local|producer|batcher|compactor)(?:\.[A-Za-z_]\w*)+")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_and_files_that_a_page_names_are_there(page):
    text = page.read_text()
    assert not {name for name in MODULE.findall(text) if not there(name)}
    links = {link for link in LINK.findall(text) if "://" not in link and "mailto:" not in link}
    assert not {link for link in links if not (page.parent / link).exists()}


def test_a_name_that_is_not_there_would_be_found():
    assert there("sluice_core.service.threads")
    assert there("sluice_core.service.threads.Threads")
    assert not there("sluice_core.service.thread")
