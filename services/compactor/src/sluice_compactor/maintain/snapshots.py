"""Snapshots that nobody needs any more, and the files that only they named.

PyIceberg's own `expire_snapshots` forgets the snapshots and deletes nothing.
"""

import datetime

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.table.refs import SnapshotRef

from sluice_compactor.errors import told
from sluice_compactor.table.definition import load
from sluice_compactor.write.files import delete


def reachable(table: Table) -> set[str]:
    """The addresses of all files that any snapshot of the table names: manifest lists, manifests, data and deletes."""
    found: set[str] = set()
    with told("read the table's manifests"):
        for snapshot in table.metadata.snapshots:
            found.add(snapshot.manifest_list)
            for manifest in snapshot.manifests(table.io):
                if manifest.manifest_path in found:
                    continue
                found.add(manifest.manifest_path)
                found.update(
                    entry.data_file.file_path
                    for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
                )
    return found


def expire(catalog: Catalog, table: Table, before: datetime.datetime) -> int:
    """Expires snapshots that are older than `before`, and deletes what only they named; gives their number.

    What a branch or a tag names stays, and so does the present state. Raises LostRaceError.
    """
    kept: set[int] = {ref.snapshot_id for ref in _refs(table)}
    limit = int(before.timestamp() * 1000)
    old = [
        snapshot.snapshot_id
        for snapshot in table.metadata.snapshots
        if snapshot.timestamp_ms < limit and snapshot.snapshot_id not in kept
    ]
    if not old:
        return 0
    named = reachable(table)
    with told(f"expire {len(old)} snapshots"):
        table.maintenance.expire_snapshots().by_ids(old).commit()
    newest = load(catalog, _identifier(table))
    if newest is not None:
        delete(newest, sorted(named - reachable(newest)))
    return len(old)


def _refs(table: Table) -> list[SnapshotRef]:
    return list(table.metadata.refs.values())


def _identifier(table: Table) -> tuple[str, str]:
    *_, namespace, name = table.name()
    return namespace, name
