"""Ids of rows that were deleted on purpose, as hashes: a late duplicate must not bring them back.

They lie beside the checkpoint, an object for each `sluice lake forget`, and stay for ever: an id is 16 bytes.
A hash says nothing of the event, and is of no use to whoever does not know the id.
"""

from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import NotFoundError
from sluice_core.keys import INTERNAL_PREFIX

from sluice_compactor.ids.hashes import Hashes


def forgotten_prefix(table: str) -> str:
    """Where they are: `_sluice/lake/<table>/forgotten/`."""
    return f"{INTERNAL_PREFIX}lake/{table}/forgotten/"


def remember(bucket: BucketLike, table: str, name: str, hashes: Hashes) -> None:
    """Writes them under `name`; once this returns they never enter the table again."""
    bucket.put(f"{forgotten_prefix(table)}{name}.bin", hashes.to_bytes())


def forgotten(bucket: BucketLike, table: str) -> list[Hashes]:
    """All of them. To be read after the snapshot that a commit is built on: then nothing is missed."""
    found = []
    for stored in bucket.list(forgotten_prefix(table)):
        try:
            found.append(Hashes.from_bytes(bucket.get(stored.key).body))
        except NotFoundError:
            continue
    return found
