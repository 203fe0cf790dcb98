"""Where things are in the bucket, and what may stand in the prefix of those that hold data.

Everything that is not data lives under `_sluice/`: Athena, Hive, Spark and pyarrow's datasets skip names
that begin with an underscore.
"""

import re
from typing import Final

import uuid_utils

INTERNAL_PREFIX: Final = "_sluice/"
WAREHOUSE: Final = "lake"
"""The prefix of tables: data, so not under `_sluice/`, and never under the prefix of raw objects."""
ROWS_METADATA: Final = "rows"
"""The name under which an object's metadata tell its rows."""
DROPPED_METADATA: Final = "rows-dropped"
"""The same of the rows that a transform left out on purpose."""
COLUMN_TYPES_METADATA: Final = "column-types"
"""The same of the types of its columns, a letter each (`sluice_core.lake.column_types`)."""
COLUMNS_METADATA: Final = "columns"
"""The same of an object without columns, whose lines are events as they came: `RAW`."""
RAW: Final = "raw"
MARKS_METADATA: Final = "marks"
"""The marks (`sluice-mark`) of the messages that the object's batch holds, with commas between them."""
HEARTBEAT_KEY: Final = f"{INTERNAL_PREFIX}heartbeat"
"""An empty object, written over again by heartbeats that found no rows to go with."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def safe_name(name: str) -> str:
    """`name` with everything that is not a dead letter, digit, dot, dash or underscore folded into `-` (≤ 128)."""
    return _UNSAFE.sub("-", name).strip("-.")[:128] or "source"


def checkpoint_key(source: str) -> str:
    """The key of a source's checkpoint."""
    return f"{INTERNAL_PREFIX}checkpoint/{safe_name(source)}.json"


def dead_key() -> str:
    """A fresh key for a dead letter that is too large for SQS."""
    return f"{INTERNAL_PREFIX}dead/{uuid_utils.uuid7()}"


def batch_name(extension: str) -> str:
    """A fresh object name, `batch-<UUIDv7>.<extension>`: its identity makes a repeated write refusable."""
    return f"batch-{uuid_utils.uuid7()}.{extension}"


def object_key(prefix: str, partition: str, name: str) -> str:
    """`<prefix>/<partition>/<name>`; prefix and partition (such as `dt=2026-11-23/hour=14`) may be empty."""
    return "/".join(part.strip("/") for part in (prefix, partition, name) if part.strip("/"))


def dropped_prefix(prefix: str) -> str:
    """Where notes are of batches under `prefix` of which a transform left nothing."""
    return object_key(f"{INTERNAL_PREFIX}dropped", prefix, "") + "/"


def dropped_key(prefix: str) -> str:
    """A fresh key for such a note."""
    return f"{dropped_prefix(prefix)}{uuid_utils.uuid7()}"


def data_prefix(value: str) -> str:
    """`value` without slashes around it; empty for the bucket's root. Raises ValueError, which says the rule.

    Athena, Hive, Spark and DuckDB take each `name=value` in a path for a partition and skip what begins with
    `_` or `.`; a prefix that has such parts would add columns to every table, or hide every row.
    """
    value = value.strip("/")
    for part in value.split("/") if value else ():
        if not part:
            raise ValueError("a prefix holds no // (engines make one folder, or two, of it)")
        if part.startswith(("_", ".")):
            raise ValueError(
                f"{part!r}: what begins with _ or . is skipped by engines (and _sluice is taken)"
            )
        if "=" in part:
            raise ValueError(
                f"{part!r}: engines take name=value for a partition; Sluice adds those itself (SLUICE_PARTITION_BY)"
            )
    if not value.isprintable():
        raise ValueError("a prefix holds printable characters only")
    return value
