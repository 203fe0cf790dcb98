"""Column sets from YAML: the built-in ones ship in the same form as a user's own.

The YAML is read as nodes, which know their lines, so that an error names file, line and rule.
"""

import re
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Final, NoReturn

import yaml
from sluice_core.errors import ConfigError, os_reason
from sluice_core.wire.paths import refused_key

from sluice_batcher.rows.columns.model import SPECIAL, Column, ColumnSet, Kind

BUILT_IN: Final = ("article", "recentchange")
RAW: Final = "raw"
"""The setting that asks for no columns: the events as they came."""
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_KEYS: Final = ("name", "path", "type")


def load_columns(setting: str, partitions: Collection[str] = ()) -> ColumnSet:
    """The built-in set of that name, the set in that YAML file, or for `raw` the one without columns.

    `partitions`: names of the partitions that the objects stand under, which no column may bear: engines put
    a partition's value in the place of such a column's.
    Raises ConfigError, whose one line names the file, the line in it and the rule that does not hold.
    """
    if setting == RAW:
        return ColumnSet(RAW, (), whole=True)
    if setting in BUILT_IN:
        text = (resources.files(__package__) / f"{setting}.yaml").read_text(encoding="utf-8")
        return parse_columns(text, f"{setting}.yaml", setting, partitions)
    path = Path(setting)
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(
            f"SLUICE_COLUMNS={setting!r}: neither one of {', '.join((*BUILT_IN, RAW))} nor a .yaml file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"SLUICE_COLUMNS={setting!r}: cannot be read: {os_reason(error)}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"SLUICE_COLUMNS={setting!r}: is not UTF-8") from error
    return parse_columns(text, str(path), path.stem, partitions)


def parse_columns(text: str, file: str, name: str, partitions: Collection[str] = ()) -> ColumnSet:
    """The column set in a YAML text; `file` is what errors call it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}:{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}:1: not YAML: {str(error).splitlines()[0]}") from error
    return _Reader(file, partitions).column_set(root, name)


class _Reader:
    """Reads nodes; carries the file's name for the errors."""

    def __init__(self, file: str, partitions: Collection[str]) -> None:
        self._file = file
        self._partitions = partitions

    def column_set(self, root: yaml.Node | None, name: str) -> ColumnSet:
        if root is None:
            raise ConfigError(f"{self._file}:1: the file is empty; it needs a list `columns`")
        top = self._mapping(root, ("columns",), "the file's top level")
        if "columns" not in top:
            self._fail(root, "there is no list `columns`")
        entries = top["columns"]
        if not isinstance(entries, yaml.SequenceNode) or not entries.value:
            self._fail(entries, "`columns` must be a list of at least one column")
        columns: list[Column] = []
        seen: dict[str, int] = {}
        for entry in entries.value:
            column = self._column(entry)
            # Athena, Hive and DuckDB do not tell the case of names.
            key = column.name.lower()
            if key in seen:
                self._fail(entry, f"column {column.name!r} is already defined in line {seen[key]}")
            if key in self._partitions:
                self._fail(
                    entry,
                    f"column {column.name!r} has the name of a partition (SLUICE_PARTITION_BY), which engines "
                    "show in its place: give it another name",
                )
            seen[key] = _line(entry)
            columns.append(column)
        return ColumnSet(name, tuple(columns))

    def _column(self, entry: yaml.Node) -> Column:
        fields = self._mapping(entry, _KEYS, "a column")
        if "name" not in fields:
            self._fail(entry, "a column needs a `name`")
        name = self._text(fields["name"], "name")
        if not _NAME.match(name):
            self._fail(
                fields["name"], f"name {name!r} must be letters, digits and _, not first a digit"
            )
        path = self._path(fields["path"]) if "path" in fields else (name,)
        if "type" not in fields:
            return Column(name, path, SPECIAL.get(path, Kind.STRING))
        kind = self._text(fields["type"], "type")
        if kind not in set(Kind):
            self._fail(fields["type"], f"type {kind!r} is not one of {', '.join(Kind)}")
        if path in SPECIAL and kind != SPECIAL[path]:
            self._fail(fields["type"], f"path {path[0]!r} is of type {SPECIAL[path]}, not {kind}")
        return Column(name, path, Kind(kind))

    def _path(self, node: yaml.Node) -> tuple[str, ...]:
        """`a.b`, or a list for keys that hold a dot themselves."""
        if isinstance(node, yaml.SequenceNode):
            parts = tuple(self._text(part, "path") for part in node.value)
        else:
            parts = tuple(self._text(node, "path").split("."))
        if not parts or not all(parts):
            self._fail(node, "a path is keys joined by dots (length.old); none may be empty")
        if (key := refused_key(parts)) is not None:
            self._fail(
                node, f"key {key!r} holds a quotation mark, a backslash or a control character"
            )
        if parts[0].startswith("@") and parts not in SPECIAL:
            known = ", ".join(special[0] for special in SPECIAL)
            self._fail(node, f"path {'.'.join(parts)!r}: of those with @ there are {known}")
        return parts

    def _mapping(
        self, node: yaml.Node, allowed: tuple[str, ...], what: str
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{what} must be a mapping with {', '.join(allowed)}")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key, "key")
            if name not in allowed:
                self._fail(key, f"key {name!r} is not one of {', '.join(allowed)}")
            if name in found:
                self._fail(key, f"key {name!r} appears twice")
            found[name] = value
        return found

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
            self._fail(node, f"`{what}` must be text")
        return str(node.value)

    def _fail(self, node: yaml.Node, rule: str) -> NoReturn:
        raise ConfigError(f"{self._file}:{_line(node)}: {rule}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
