"""Whether the lake's libraries are here, and what to say when they are not."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import ConfigError, PermanentError
from sluice_core.keys import WAREHOUSE
from sluice_core.lake.folder import RunFolder

ADVICE: Final = "the lake's table needs sluice-compactor, which is not installed here: pip install sluice-compactor"
_HINT: Final = "version-hint.text"


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
    """The folder that holds `where` (raw objects, a table, or both) and a lake; None when there is none.

    Not one beyond the folder of the run that `where` is of: an earlier run may lie inside of a later one's folder.
    Nor one that was moved: a table names its files by where they were made.
    """
    for folder in (where, *where.resolve().parents[:3]):
        if any(map(_in_its_place, (folder / WAREHOUSE).glob(f"*/*/metadata/{_HINT}"))):
            return folder
        if RunFolder.at(folder) is not None:
            return None
    return None


def no_table(where: str) -> PermanentError:
    """What to say where there is no table in a folder."""
    lake = Path(where, WAREHOUSE)
    if not any(lake.glob(f"*/*/metadata/{_HINT}")):
        return PermanentError(f"{where} has no table: `sluice compact {where}` makes one")
    return PermanentError(
        f"the table in {lake} was made in another place, by which it names its files: remove {lake}, and "
        f"`sluice compact {where} --keep-raw --settle 0` makes it again"
    )


def _in_its_place(hint: Path) -> bool:
    try:
        metadata = hint.with_name(f"{hint.read_text().strip()}.metadata.json")
        location = json.loads(metadata.read_bytes())["location"]
    except (OSError, ValueError, LookupError, TypeError):
        return True  # whoever reads it says what is wrong with it
    return bool(location == hint.parent.parent.resolve().as_uri())


def must_have_no_table(bucket: BucketLike) -> None:
    """Raises ConfigError where there is something in the place of tables, and no library to read it."""
    if next(bucket.list(f"{WAREHOUSE}/"), None) is not None:
        raise ConfigError(f"{ADVICE} (or leave the table out with --no-lake)")
