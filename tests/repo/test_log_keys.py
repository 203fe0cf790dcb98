"""Every key of a log line is one that docs/architecture.md explains."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
STRUCTLOG = {"exc_info"}
"""structlog's own."""


def keys(source: str) -> Iterator[str]:
    """The keys of all log calls; what is passed on as `**` is the keys of a metric line."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LEVELS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("_log", "log")
        ):
            yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def used() -> dict[str, str]:
    return {
        key: str(path.relative_to(ROOT))
        for path in ROOT.glob("*/*/src/**/*.py")
        for key in keys(path.read_text())
    }


def test_every_log_key_is_explained_and_every_explained_one_is_used():
    page = (ROOT / "docs" / "architecture.md").read_text().partition("## One set of log keys")[2]
    told = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))))
    found = used()
    assert {key: path for key, path in found.items() if key not in told | STRUCTLOG} == {}
    assert told - found.keys() == set()


def test_a_key_that_is_not_explained_would_be_found():
    assert list(keys("_log.info('x', strange=1)\nother.info(y=2)")) == ["strange"]
