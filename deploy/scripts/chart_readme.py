"""Makes the table of values in the chart's README from the `# --` comments of its values.yaml.

`--check` writes nothing and fails when the README is not what the values say.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[1] / "helm" / "sluice"
BEGIN, END = "<!-- values: made by `make chart-readme` -->", "<!-- end of values -->"
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):")
COMMENT = "# -- "


@dataclass(frozen=True)
class Value:
    """One documented value: its path, its default as values.yaml has it, and its description."""

    path: str
    default: Any
    description: str


def documented(text: str) -> list[Value]:
    """The values with a `# --` comment, in the file's order. Raises KeyError for a comment without its key."""
    tree = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    found, comment = [], None
    for line in text.splitlines():
        if line.strip().startswith(COMMENT):
            comment = line.strip().removeprefix(COMMENT)
        elif match := KEY.match(line):
            indent = len(match["indent"])
            path = [step for step in path if step[0] < indent] + [(indent, match["key"])]
            if comment is not None:
                names = [name for _, name in path]
                found.append(Value(".".join(names), at(tree, names), comment))
                comment = None
    return found


def undocumented(text: str) -> list[str]:
    """Paths of the leaves that no `# --` comment stands above."""
    told = [value.path for value in documented(text)]
    return [
        path
        for path in leaves(yaml.safe_load(text))
        if not any(path == known or path.startswith(known + ".") for known in told)
    ]


def leaves(tree: Any, path: str = "") -> list[str]:
    """The dotted paths of all values that are no mapping."""
    if isinstance(tree, dict) and tree:
        return [
            leaf
            for key, value in tree.items()
            for leaf in leaves(value, f"{path}.{key}".lstrip("."))
        ]
    return [path]


def at(tree: Any, names: list[str]) -> Any:
    """The value at a path."""
    for name in names:
        tree = tree[name]
    return tree


def table(values: list[Value]) -> str:
    """The values as a Markdown table."""
    rows = ["| value | default | |", "|---|---|---|"]
    rows += [
        f"| `{value.path}` | `{json.dumps(value.default)}` | {value.description.replace('|', chr(92) + '|')} |"
        for value in values
    ]
    return "\n".join(rows)


def renewed(readme: str, values: str) -> str:
    """The README with its table made again."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(documented(values))}\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """0, or 1 when `--check` finds a difference or a value has no comment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    values, path = (CHART / "values.yaml").read_text(), CHART / "README.md"
    if missing := undocumented(values):
        sys.stderr.write(f"values.yaml: no `# --` comment above {', '.join(missing)}\n")
        return 1
    text = renewed(path.read_text(), values)
    if options.check:
        if text != path.read_text():
            sys.stderr.write("the chart's README is not what values.yaml says: make chart-readme\n")
            return 1
    else:
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
