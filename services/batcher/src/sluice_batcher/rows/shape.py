"""The way into an event: a msgspec Struct that holds only the fields that are needed.

A struct is compiled from the paths of the columns and of what every event is asked for (id, time). What is
not named is skipped by the decoder without being built; JSON columns stay raw text. A value of a type that
its column does not take makes the decoder refuse the event, which then goes the lenient way: the same struct,
filled field by field out of each field's raw JSON. A field whose own decoder takes it has the very value that
the fast way gives; only one that no decoder takes stays raw, for its column to make what it can of it. So a
field's value never depends on another field of the event.

Two columns of which one lies inside the other (`meta` as JSON beside `meta.domain`) have no struct that can
be decoded at once: then every event goes the lenient way.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import msgspec

from sluice_batcher.rows.columns import Kind
from sluice_batcher.rows.convert import load_json

Path = tuple[str, ...]
NO_JSON: Final = msgspec.Raw(b"null")
FAULTS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_TYPES: Final[dict[Kind, tuple[Any, ...]]] = {
    Kind.STRING: (str, int, bool),
    Kind.INT64: (int,),
    # An integer stays one: what a double cannot hold is for the column to refuse.
    Kind.FLOAT64: (int, float),
    Kind.BOOL: (bool,),
    Kind.TIMESTAMP: (str, int, float),
}
_OBJECT: Final = ord("{")
_ESCAPES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


@dataclass
class _Node:
    """One object of the event: fields wanted of it, objects inside it."""

    leaves: dict[str, set[Kind]] = field(default_factory=dict)
    inner: dict[str, "_Node"] = field(default_factory=dict)
    struct: Any = None
    empty: Any = None
    fields: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    raw: Callable[[Any], Any] = lambda _: None
    lenient: list[tuple[str, str, Callable[[Any], Any]]] = field(default_factory=list)


class Shape:
    """The struct for some paths, and how to get at its values.

    `decode` gives an instance for an event's bytes and raises one of `FAULTS`; `decode_lines` does it for a text of
    many, wherever its lines end. Both are None when only the lenient way exists. `lenient` gives one, too, and raises one of `FAULTS` or ValueError only for what is no
    JSON object.
    """

    def __init__(self, wanted: Iterable[tuple[Path, Kind]]) -> None:
        self._root = _Node()
        self._getters: dict[Path, Callable[[Any], Any]] = {}
        for path, kind in wanted:
            node = self._root
            for part in path[:-1]:
                node = node.inner.setdefault(part, _Node())
            node.leaves.setdefault(path[-1], set()).add(kind)
        direct = _compile(self._root)
        decoder = msgspec.json.Decoder(self._root.struct) if direct else None
        self.decode: Callable[[bytes], Any] | None = decoder and decoder.decode
        self.decode_lines: Callable[[bytes], list[Any]] | None = decoder and decoder.decode_lines

    def lenient(self, event: bytes) -> Any:
        """An instance in which a value that its columns' types do not take is its raw JSON (`msgspec.Raw`)."""
        try:
            return _lenient(self._root, event)
        except FAULTS:
            return _lenient(self._root, _ESCAPES.sub(_mend, event))

    def values(self, rows: Sequence[Any], path: Path) -> list[Any]:
        """The values at `path` of each row; None where there is none (JSON: `NO_JSON`)."""
        get = self._getters.get(path)
        if get is None:
            get = self._getters[path] = self._getter(path)
        try:
            return list(map(get, rows))
        except AttributeError:
            return self._values(rows, path)

    def _getter(self, path: Path) -> Callable[[Any], Any]:
        """Fetches what is at `path` of a row; raises AttributeError where an object on the way is missing."""
        node, names = self._root, []
        for part in path[:-1]:
            names.append(node.objects[part])
            node = node.inner[part]
        return attrgetter(".".join([*names, node.fields[path[-1]]]))

    def _values(self, rows: Sequence[Any], path: Path) -> list[Any]:
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
    raws: dict[str, str] = {}
    for number, (key, kinds) in enumerate(node.leaves.items()):
        name = f"f{number}"
        node.fields[key], names[name] = name, key
        raw = raws.setdefault(key, f"r{len(raws)}")
        if Kind.JSON in kinds:
            fields.append((name, msgspec.Raw, NO_JSON))
            node.lenient.append((name, raw, _as_it_is))
        else:
            kind = _union(kinds)
            fields.append((name, kind, None))
            node.lenient.append((name, raw, _fitting(msgspec.json.Decoder(kind).decode)))
    for number, (key, inner) in enumerate(node.inner.items()):
        name = f"n{number}"
        direct = _compile(inner) and direct and key not in node.leaves
        node.objects[key], names[name] = name, key
        fields.append((name, inner.struct | None, None))
        raw = raws.setdefault(key, f"r{len(raws)}")
        node.lenient.append((name, raw, _inside(inner)))
    node.struct = msgspec.defstruct(
        "Event", fields, gc=False, rename=names if direct else None, kw_only=True
    )
    node.empty = node.struct()
    raw_struct = msgspec.defstruct(
        "RawEvent",
        [(name, msgspec.Raw, NO_JSON) for name in raws.values()],
        gc=False,
        rename={name: key for key, name in raws.items()},
    )
    node.raw = msgspec.json.Decoder(raw_struct).decode
    return direct


def _union(kinds: Iterable[Kind]) -> Any:
    types = dict.fromkeys(kind for k in sorted(kinds) for kind in _TYPES[k])
    if str in types and bool in types:
        # Text of a number is its digits as they came; a float has lost them.
        types.pop(float, None)
    union: Any = None
    for kind in types:
        union = kind if union is None else union | kind
    return union | None


def _lenient(node: _Node, text: Any) -> Any:
    raws = node.raw(text)
    return node.struct(**{name: read(getattr(raws, raw)) for name, raw, read in node.lenient})


def _as_it_is(raw: msgspec.Raw) -> msgspec.Raw:
    return raw


def _fitting(decode: Callable[[Any], Any]) -> Callable[[msgspec.Raw], Any]:
    def read(raw: msgspec.Raw) -> Any:
        try:
            return decode(raw)
        except FAULTS:
            # Raises ValueError when nobody could read it; then the event is no JSON.
            load_json(bytes(raw))
            return raw

    return read


def _inside(inner: _Node) -> Callable[[msgspec.Raw], Any]:
    def read(raw: msgspec.Raw) -> Any:
        return _lenient(inner, raw) if memoryview(raw)[0] == _OBJECT else None

    return read


def _mend(escape: re.Match[bytes]) -> bytes:
    """A lone surrogate's escape, which no UTF-8 can hold, is U+FFFD's; every other escape stays."""
    return rb"\ufffd" if escape[1] else escape[0]
