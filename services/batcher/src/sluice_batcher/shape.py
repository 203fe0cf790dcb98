"""The fast way into an event: a msgspec Struct that holds only the fields that are needed.

A struct is compiled from the paths of the columns and of what every event is asked for (id, time). What is
not named is skipped by the decoder without being built; JSON columns stay raw text. A value of a type that
its column does not take makes the decoder refuse the event, which then goes the lenient way (`parse`) and
comes out as an instance of the same struct.

Two columns of which one lies inside the other (`meta` as JSON beside `meta.domain`) have no struct that can
be decoded at once: then every event goes the lenient way.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import msgspec

from sluice_batcher.columns import Kind

Path = tuple[str, ...]
NO_JSON: Final = msgspec.Raw(b"null")
_TYPES: Final[dict[Kind, tuple[Any, ...]]] = {
    Kind.STRING: (str, int, bool),
    Kind.INT64: (int,),
    Kind.FLOAT64: (float,),
    Kind.BOOL: (bool,),
    Kind.TIMESTAMP: (str, int, float),
}


@dataclass
class _Node:
    """One object of the event: fields wanted of it, objects inside it."""

    leaves: dict[str, set[Kind]] = field(default_factory=dict)
    inner: dict[str, "_Node"] = field(default_factory=dict)
    struct: Any = None
    empty: Any = None
    fields: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)


class Shape:
    """The struct for some paths, and how to get at its values.

    `decode` gives an instance for an event's bytes and raises msgspec.MsgspecError, UnicodeDecodeError or
    RecursionError; it is None when only the lenient way exists.
    """

    def __init__(self, wanted: Iterable[tuple[Path, Kind]]) -> None:
        self._root = _Node()
        for path, kind in wanted:
            node = self._root
            for part in path[:-1]:
                node = node.inner.setdefault(part, _Node())
            node.leaves.setdefault(path[-1], set()).add(kind)
        direct = _compile(self._root)
        self.decode: Callable[[bytes], Any] | None = (
            msgspec.json.Decoder(self._root.struct).decode if direct else None
        )

    def build(self, event: dict[str, Any], convert: Callable[[Any, set[Kind]], Any]) -> Any:
        """An instance from an event that `json.loads` gave; `convert(value, kinds)` fits each value."""
        return _build(self._root, event, convert)

    def values(self, rows: Sequence[Any], path: Path) -> list[Any]:
        """The values at `path` of each row; None where there is none (JSON: `NO_JSON`)."""
        node = self._root
        for part in path[:-1]:
            empty, get = node.inner[part].empty, attrgetter(node.objects[part])
            rows = [inner if inner is not None else empty for inner in map(get, rows)]
            node = node.inner[part]
        return list(map(attrgetter(node.fields[path[-1]]), rows))


def _compile(node: _Node) -> bool:
    """Makes the structs from the inside out; False when they cannot be decoded at once."""
    direct = True
    fields: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    for number, (key, kinds) in enumerate(node.leaves.items()):
        name = f"f{number}"
        node.fields[key] = names[name] = name
        names[name] = key
        if Kind.JSON in kinds:
            alone = len(kinds) == 1
            direct = direct and alone
            fields.append((name, msgspec.Raw, NO_JSON) if alone else (name, Any, None))
        else:
            types = dict.fromkeys(kind for k in sorted(kinds) for kind in _TYPES[k])
            fields.append((name, _union(types), None))
    for number, (key, inner) in enumerate(node.inner.items()):
        name = f"n{number}"
        direct = _compile(inner) and direct and key not in node.leaves
        node.objects[key] = name
        names[name] = key
        fields.append((name, inner.struct | None, None))
    node.struct = msgspec.defstruct(
        "Event", fields, gc=False, rename=names if direct else None, kw_only=True
    )
    node.empty = node.struct()
    return direct


def _union(types: Iterable[Any]) -> Any:
    union: Any = None
    for kind in types:
        union = kind if union is None else union | kind
    return union | None


def _build(node: _Node, event: Any, convert: Callable[[Any, set[Kind]], Any]) -> Any:
    if not isinstance(event, dict):
        return node.empty
    values = {
        name: convert(event[key], node.leaves[key])
        for key, name in node.fields.items()
        if key in event
    }
    for key, name in node.objects.items():
        if isinstance(event.get(key), dict):
            values[name] = _build(node.inner[key], event[key], convert)
    return node.struct(**values)
