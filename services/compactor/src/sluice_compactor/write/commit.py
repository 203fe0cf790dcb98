"""The one way in which a snapshot comes into the table: on top of the snapshot that was read, or not at all.

The catalog is asked to compare (`AssertRefSnapshotId`, put there by PyIceberg) and `catalog.strict` sees to it
that a refusal is one; afterwards the parent is looked at, so that a catalog that does not compare is found out
before a raw object is deleted.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from sluice_compactor.errors import UnsafeCatalogError, told

MERGE_FROM: Final = 100
"""Manifests from which on an append merges them all: each is a GET for whoever plans a read."""


def append(
    table: Table, base: Snapshot | None, files: Sequence[DataFile], summary: Mapping[str, str]
) -> int:
    """Adds `files` on top of `base`; gives the snapshot. `table` must be as it was when `base` was read.

    Raises LostRaceError when another was faster (the files are not in the table), TemporaryError when nobody
    knows, UnsafeCatalogError when it landed where it must not.
    """
    with told(f"commit to {'.'.join(table.name())}"):
        many = base is not None and len(base.manifests(table.io)) >= MERGE_FROM
        transaction = table.transaction()
        update = transaction.update_snapshot(snapshot_properties=dict(summary))
        with update.merge_append() if many else update.fast_append() as change:
            for file in files:
                change.append_data_file(file)
        transaction.commit_transaction()
    return _on_top(table, base, change.snapshot_id)


def replace(
    table: Table,
    base: Snapshot,
    old: Sequence[DataFile],
    new: Sequence[DataFile],
    summary: Mapping[str, str],
) -> int:
    """Puts `new` in the place of `old`, files of `base`; otherwise like `append`."""
    with told(f"commit to {'.'.join(table.name())}"):
        transaction = table.transaction()
        with transaction.update_snapshot(snapshot_properties=dict(summary)).overwrite() as change:
            for file in old:
                change.delete_data_file(file)
            for file in new:
                change.append_data_file(file)
        transaction.commit_transaction()
    return _on_top(table, base, change.snapshot_id)


def _on_top(table: Table, base: Snapshot | None, snapshot_id: int) -> int:
    landed = table.snapshot_by_id(snapshot_id)
    expected = None if base is None else base.snapshot_id
    if landed is None or landed.parent_snapshot_id != expected:
        found = "nothing" if landed is None else str(landed.parent_snapshot_id)
        raise UnsafeCatalogError(
            f"table {'.'.join(table.name())}: snapshot {snapshot_id} stands on {found}, and {expected} was read: this "
            "catalog does not compare before it commits, so that events may be there twice. Nothing was deleted; "
            "run one compactor at a time, `sluice verify`, and take another catalog"
        )
    return snapshot_id
