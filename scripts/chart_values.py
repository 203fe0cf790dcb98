"""Which value of the chart sets a variable of a service: read from the chart's templates, so that helm is not needed.

A variable's values are those in the expression that it gets, and those of the `if` or `with` around it. Switches
(`….enabled`) say whether, and not what: they are left out.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

CHART: Final = Path(__file__).resolve().parent.parent / "deploy" / "helm" / "sluice"
COMPONENTS: Final = ("producer", "batcher", "compactor")
_ALL: Final = ("awsEnv", "commonEnv")
_DEFINED: Final = re.compile(
    r'{{- define "sluice\.(\w+)" -}}\n(.*?)\n{{- end -}}(?=\n*(?:{{|$))', re.DOTALL
)
_SETTING: Final = re.compile(r'include "sluice\.setting" \(list "(\w+)" (.*)\) }}')
_NAME: Final = re.compile(r"- name: (\w+)$")
_VALUE: Final = re.compile(r"(?:\$([bpc])|\.Values)\.([A-Za-z0-9.]+)")
_INCLUDED: Final = re.compile(r'include "sluice\.(\w+)"')
_LOCALS: Final = {"b": "batcher.", "p": "producer.", "c": "compactor.", "": ""}
_FIXED: Final = re.compile(r'value: "([^"{]+)"$')
_NAMES: Final = {"nameOverride", "fullnameOverride"}
_OPENS: Final = re.compile(r"{{-? (?:if|with|range) ")
_SECRET: Final = re.compile(r"secretKeyRef: {name: {{ (.*?) }}")


def in_chart(component: str | None, variable: str) -> str:
    """The cell for a variable of a component (None: of all): its values, what the chart gives it, or `extraEnv`."""
    made = _made()
    parts = [*_ALL, *(f"{name}Env" for name in COMPONENTS if component in (None, name))]
    found = [value for part in parts for value in made.get(part, {}).get(variable, ())]
    if found:
        return ", ".join(dict.fromkeys(found))
    return "`extraEnv` of each" if component is None else f"`{component}.extraEnv`"


@cache
def _made() -> dict[str, dict[str, list[str]]]:
    text = "\n".join(path.read_text() for path in sorted((CHART / "templates").glob("*.*")))
    blocks = dict(_DEFINED.findall(text))
    return {
        name: _variables(block, blocks) for name, block in blocks.items() if name.endswith("Env")
    }


def _variables(block: str, blocks: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for variable, expression, around in _statements(block):
        fixed = _FIXED.search(expression)
        values = _values(expression, blocks) + _values(around, {})
        said = [f"always `{fixed[1]}`"] if fixed else [f"`{value}`" for value in values]
        found.setdefault(variable, []).extend(said or ["set by the chart"])
    return found


def _statements(block: str) -> Iterator[tuple[str, str, str]]:
    """Each variable with the expression of its value and the condition around it."""
    around: list[str] = [""]
    name = ""
    for line in block.splitlines():
        if name:
            secret = _SECRET.search(line)
            yield name, secret[1] if secret else line, around[-1]
            name = ""
        elif setting := _SETTING.search(line):
            yield setting[1], setting[2], around[-1]
        elif named := _NAME.match(line):
            name = named[1]
        elif _OPENS.match(line) and "end }}" not in line:
            around.append(line)
        elif re.match(r"{{-? end -?}}", line):
            around.pop()


def _values(expression: str, blocks: dict[str, str]) -> list[str]:
    found = [f"{_LOCALS[local]}{path}" for local, path in _VALUE.findall(expression)]
    found = [
        _in_values(path) for path in found if not (path.endswith(".enabled") or path in _NAMES)
    ]
    for name in _INCLUDED.findall(expression):
        found += _values(blocks.get(name, ""), {})
    return list(dict.fromkeys(found))


def _in_values(path: str) -> str:
    """The path as values.yaml has it: what only an entry of `producers` has is one of its keys. Raises KeyError."""
    node: Any = _defaults()
    *way, last = path.split(".")
    for name in way:
        node = node[name]
    if last in node:
        return path
    if way == ["producer"]:
        return f"producers[].{last}"
    raise KeyError(f"the chart's templates read {path}, which values.yaml does not have")


@cache
def _defaults() -> Any:
    return yaml.safe_load((CHART / "values.yaml").read_text())
