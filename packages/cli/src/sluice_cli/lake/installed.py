"""Whether the lake's libraries are here, and what to say when they are not."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import ConfigError

ADVICE: Final = "the lake's table needs sluice-compactor, which is not installed here: pip install sluice-compactor"
WAREHOUSE: Final = "lake"


def is_installed() -> bool:
    """Whether the compactor is installed beside this command."""
    return find_spec("sluice_compactor") is not None


def table_module() -> ModuleType:
    """`sluice_cli.lake.table`. Raises ConfigError, which says what to install."""
    if not is_installed():
        raise ConfigError(ADVICE)
    return import_module("sluice_cli.lake.table")


def work_module() -> ModuleType:
    """`sluice_cli.lake.work`. Raises ConfigError, which says what to install."""
    if not is_installed():
        raise ConfigError(ADVICE)
    return import_module("sluice_cli.lake.work")


def lake_folder(where: Path) -> Path | None:
    """The folder that holds `where` (raw objects, a table, or both) and a lake; None when there is none."""
    for folder in (where, *where.resolve().parents[:3]):
        if any((folder / WAREHOUSE).glob("*/*/metadata/version-hint.text")):
            return folder
    return None


def must_have_no_table(bucket: BucketLike) -> None:
    """Raises ConfigError where there is something in the place of tables, and no library to read it."""
    if next(bucket.list(f"{WAREHOUSE}/"), None) is not None:
        raise ConfigError(f"{ADVICE} (or leave the table out with --no-lake)")
