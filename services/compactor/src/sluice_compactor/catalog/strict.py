"""Commits that compare and swap, around any catalog's.

PyIceberg 0.12 repeats a refused append upon whatever has been committed in between, without reading that: three
compactors at once then write each event up to three times. Told not to repeat, it takes a refusal for the truth
and deletes the manifests, also those of a commit that had landed and whose reply was lost: the table is gone.
Here a refusal is looked into. The snapshot is in the table: it was committed. It is not: the race is lost, by an
error that PyIceberg neither repeats nor cleans up after. Anything else leaves the outcome unknown unless the
snapshot is there to be seen, and with it every file where it is.
"""

from collections.abc import Callable
from typing import TypeVar

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.update import AddSnapshotUpdate, TableRequirement, TableUpdate
from sluice_core.aws.errors import clean
from sluice_core.errors import SluiceError, TemporaryError
from sluice_core.service.logs import get_logger

from sluice_compactor.errors import LostRaceError

_log = get_logger(__name__)
C = TypeVar("C", bound=Catalog)


def strict(catalog: C) -> C:
    """`catalog`, whose commits now raise LostRaceError where they are known not to have landed.

    A TemporaryError from a commit means that nobody knows: nothing that it names may be deleted.
    """
    inner = catalog.commit_table

    def landed(table: Table, updates: tuple[TableUpdate, ...]) -> CommitTableResponse | None:
        """The reply that was lost, when the snapshot is in the table; None when it is not there (yet)."""
        newest = catalog.load_table(table.name())
        mine = [u.snapshot.snapshot_id for u in updates if isinstance(u, AddSnapshotUpdate)]
        if not mine or any(newest.snapshot_by_id(snapshot) is None for snapshot in mine):
            return None
        return CommitTableResponse(
            metadata=newest.metadata, metadata_location=newest.metadata_location
        )

    def commit_table(
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        name = ".".join(table.name())
        try:
            return inner(table, requirements, updates)
        except CommitFailedException as error:
            reply = landed(table, updates)
            if reply is None:
                raise LostRaceError(f"{name}: {error}") from error
            return reply
        except Exception as error:
            # Each catalog has a client with errors of its own, and none of them says what became of the commit.
            reply = _or_none(lambda: landed(table, updates))
            if reply is None:
                why = (
                    str(error)
                    if isinstance(error, SluiceError)
                    else f"{type(error).__name__}: {error}"
                )
                raise TemporaryError(
                    clean(
                        f"commit to {name}: {why}; whether it has landed is not known, so nothing was deleted: the "
                        "next pass finds out"
                    )
                ) from error
            return reply

    catalog.commit_table = commit_table  # type: ignore[method-assign]
    return catalog


def _or_none(ask: Callable[[], CommitTableResponse | None]) -> CommitTableResponse | None:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001  (the commit's own error is told; this one adds nothing to it)
        _log.debug("nor can the table be read", why=type(error).__name__)
        return None
