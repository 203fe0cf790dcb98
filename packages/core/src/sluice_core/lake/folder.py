"""A folder in a bucket's place, such as `sluice run` leaves: which of its files hold its rows.

Such a folder is known by its `_sluice/`, where all that is no data lies. Its rows lie below the run's prefix, which is a
setting; `_sluice/metadata.json` names every object that was copied, and so tells it. Beside them there may be the lake's
table, whose rows are the same once more, and earlier runs, each of them a folder of this kind.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import orjson

from sluice_core.aws.s3 import Fetched
from sluice_core.errors import NotFoundError, PermanentError
from sluice_core.keys import INTERNAL_PREFIX

METADATA: Final = f"{INTERNAL_PREFIX}metadata.json"
"""A JSON object, key → user metadata, which whoever has copied a bucket here may leave: files have no place for them."""
_OF_A_TABLE: Final = Path("metadata", "version-hint.text")


@dataclass(frozen=True)
class RunFolder:
    """A folder with the keys of a bucket."""

    root: Path

    @classmethod
    def at(cls, where: Path) -> Self | None:
        """The folder `where`; None when it is none of this kind."""
        return cls(where) if _is_run(where) else None

    @cached_property
    def metadata(self) -> Mapping[str, Mapping[str, str]]:
        """The user metadata of each key. Raises PermanentError when they cannot be read."""
        return copied_metadata(self.root)

    @property
    def rows(self) -> Path:
        """Below which the run's objects are; the folder itself where nobody tells."""
        prefixes = {_prefix(key) for key in self.metadata if not key.startswith(INTERNAL_PREFIX)}
        return self.root / prefixes.pop() if len(prefixes) == 1 else self.root

    def internal(self, name: str) -> Path | None:
        """The file `name` of those that are no data; None when it is not there."""
        path = self.root / INTERNAL_PREFIX / name
        return path if path.is_file() else None

    def get(self, key: str) -> Fetched:
        """Reads an object, as `BucketLike.get`; raises NotFoundError."""
        try:
            body = (self.root / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(f"{self.root / key} does not exist") from error
        return Fetched(body, "", self.metadata.get(key, {}))


def copied_metadata(root: Path) -> Mapping[str, Mapping[str, str]]:
    """What `METADATA` tells in `root`; nothing where there is no such file. Raises PermanentError."""
    path = root / METADATA
    try:
        return dict(orjson.loads(path.read_bytes())) if path.exists() else {}
    except (orjson.JSONDecodeError, ValueError, TypeError) as error:
        raise PermanentError(f"{path} is not JSON: remove it, or copy the bucket again") from error


def own_files(root: Path) -> Iterator[tuple[str, Path, Mapping[str, str]]]:
    """The files below the directory `root`, in the order of their names: name below `root`, path, user metadata.

    Of a run's folder those below its prefix. A table, or another run's folder, is passed over. Raises PermanentError
    where `root` is no run's folder and holds some: their rows belong to different accounts.
    """
    run = RunFolder.at(root)
    others: list[Path] = []
    paths = sorted(_walk(root if run is None else run.rows, others))
    if run is None and others:
        raise PermanentError(
            f"{root} holds the folders of several runs: name one of them, such as {min(others)}"
        )
    told = {} if run is None else run.metadata
    for path in paths:
        name = path.relative_to(root).as_posix()
        yield name, path, told.get(name, {})


def _walk(start: Path, others: list[Path]) -> Iterator[Path]:
    for folder, folders, names in os.walk(start):
        here = Path(folder)
        others += [here / name for name in folders if _is_run(here / name)]
        folders[:] = [
            name
            for name in folders
            if here / name not in others and not (here / name / _OF_A_TABLE).is_file()
        ]
        yield from (path for name in names if (path := here / name).is_file())


def _is_run(folder: Path) -> bool:
    return (folder / INTERNAL_PREFIX).is_dir()


def _prefix(key: str) -> str:
    """What stands before a key's partition: a prefix has no part with `=` (`keys.data_prefix`), and a partition only such."""
    parts = key.split("/")[:-1]
    at = next((n for n, part in enumerate(parts) if "=" in part), len(parts))
    return "/".join(parts[:at])
