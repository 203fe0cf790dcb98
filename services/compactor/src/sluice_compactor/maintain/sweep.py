"""Files below the table that no snapshot names: what compactors left that were killed, or lost a race.

A file that is not named may be one that is about to be: only what is older than any pass can last is swept.
"""

from typing import Final

from pyiceberg.catalog import Catalog
from sluice_core.keys import WAREHOUSE

from sluice_compactor.maintain.snapshots import reachable
from sluice_compactor.store.place import Place
from sluice_compactor.table.definition import load

AGE: Final = 3 * 86_400.0
"""Seconds, by S3's clock and ours: no pass lasts for days."""
_OURS: Final = (".parquet", ".avro", ".metadata.json")
_FOLDERS: Final = ("data/", "metadata/")


def sweep(catalog: Catalog, identifier: tuple[str, str], place: Place, *, now: float) -> list[str]:
    """Deletes them; gives their keys. A table that lies elsewhere, or is not there, is left alone.

    The listing comes before the table is read: what is committed in between is seen to be named.
    """
    root = f"{WAREHOUSE}/{'/'.join(identifier)}/"
    old = [
        stored.key
        for stored in place.bucket.list(root)
        if now - stored.modified > AGE
        and stored.key.endswith(_OURS)
        and stored.key.removeprefix(root).startswith(_FOLDERS)
    ]
    table = load(catalog, identifier)
    if not old or table is None or place.key(f"{table.location()}/") != root:
        return []
    metadata = table.metadata
    named = reachable(table) | {table.metadata_location}
    named |= {entry.metadata_file for entry in metadata.metadata_log}
    live = {place.key(address) for address in named}
    if (
        None in live
    ):  # a file elsewhere, or an address in a form that is not known here: rather keep all
        return []
    gone = [key for key in old if key not in live]
    for key in gone:
        place.bucket.delete(key)
    return gone
