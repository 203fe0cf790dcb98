"""A folder in a bucket's place: whose files are its rows."""

import json
from pathlib import Path

import pytest
from sluice_core.errors import NotFoundError, PermanentError
from sluice_core.lake.folder import METADATA, RunFolder, copied_metadata, own_files
from sluice_core.lake.reader import parts


def _put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def _tell(root: Path, *keys: str) -> None:
    _put(root, METADATA)
    (root / METADATA).write_text(json.dumps({key: {"rows": "1"} for key in keys}))


@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        (["events/dt=1/hour=2/b.csv", "_sluice/dropped/events/1"], "events"),
        (["a/b/dt=1/b.csv", "a/b/dt=2/b.csv"], "a/b"),
        (["events/b.csv"], "events"),
        (["dt=1/b.csv"], ""),
        (["a/b.csv", "b/b.csv"], ""),
        ([], ""),
    ],
)
def test_the_prefix_is_what_stands_before_the_partition(
    tmp_path: Path, keys: list[str], rows: str
) -> None:
    _tell(tmp_path, *keys)
    run = RunFolder.at(tmp_path)
    assert run is not None
    assert run.rows == tmp_path / rows


def test_a_copied_bucket_that_tells_nothing_has_its_own_files_only(tmp_path: Path) -> None:
    _put(
        tmp_path,
        "_sluice/checkpoint/x.json",
        "events/dt=1/b.csv",
        "lake/sluice/events/metadata/version-hint.text",
        "lake/sluice/events/data/dt=1/x.parquet",
        "earlier/1/_sluice/ledger.ndjson",
        "earlier/1/events/dt=1/a.csv",
    )
    assert [part.name for part in parts(tmp_path)] == ["events/dt=1/b.csv"]
    assert [part.name for part in parts(tmp_path / "earlier" / "1")] == ["events/dt=1/a.csv"]
    with pytest.raises(PermanentError, match=r"several runs: name one of them, such as .*/1$"):
        list(parts(tmp_path / "earlier"))


def test_a_table_that_is_asked_for_is_read(tmp_path: Path) -> None:
    _put(tmp_path, "t/metadata/version-hint.text", "t/data/x.parquet")
    assert [part.name for part in parts(tmp_path / "t")] == ["data/x.parquet"]
    assert list(parts(tmp_path)) == []


def test_files_carry_what_the_copy_tells_of_them(tmp_path: Path) -> None:
    _put(tmp_path, "events/a.csv", "events/b.csv")
    _tell(tmp_path, "events/a.csv")
    assert [(name, told) for name, _, told in own_files(tmp_path)] == [
        ("events/a.csv", {"rows": "1"}),
        ("events/b.csv", {}),
    ]
    found = RunFolder(tmp_path).get("events/a.csv")
    assert (found.body, found.metadata) == (b"", {"rows": "1"})
    with pytest.raises(NotFoundError):
        RunFolder(tmp_path).get("events/c.csv")


def test_metadata_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    assert copied_metadata(tmp_path) == {}
    _put(tmp_path, METADATA)
    for text in ("{", "1"):
        (tmp_path / METADATA).write_text(text)
        with pytest.raises(PermanentError, match=r"metadata\.json is not JSON: remove it"):
            copied_metadata(tmp_path)
