"""Where an event says when it happened: paths in its data, of which the first that holds a time counts.

The batcher does not know its sources' presets: several producers may feed one queue. Its default asks for the
fields of both presets, in an order that keeps the order of each: `meta.dt`, `timestamp` (Wikimedia's) and
`time`, `timestamp`, `created_at`, `ts` (anybody's).
"""

from typing import Final

from sluice_batcher.rows.columns.model import refused_key

Path = tuple[str, ...]

DEFAULT: Final = "meta.dt,time,timestamp,created_at,ts"


def parse_paths(setting: str) -> tuple[Path, ...]:
    """The paths in a setting: commas between them, dots between the keys of each.

    Raises ValueError for an empty key, one that begins with @, and a path that appears twice.
    """
    paths: list[Path] = []
    for text in (part.strip() for part in setting.split(",")):
        path = tuple(text.split("."))
        if not all(path):
            raise ValueError(
                "paths are keys joined by dots, with commas between them (meta.dt, created_at); none may be empty"
            )
        if text.startswith("@"):
            raise ValueError(
                f"{text!r} is no field of an event: only paths in its data hold its time"
            )
        if (key := refused_key(path)) is not None:
            raise ValueError(
                f"key {key!r} holds a quotation mark, a backslash or a control character"
            )
        if path in paths:
            raise ValueError(f"path {text!r} appears twice")
        paths.append(path)
    return tuple(paths)


DEFAULT_PATHS: Final = parse_paths(DEFAULT)
