"""An Iceberg catalog that is one small object beside each table: no server, no database.

`<table>/metadata/version-hint.text` holds the name of the current metadata file without its ending, as DuckDB's
`iceberg_scan` and PyIceberg's `StaticTable` read it. It is only ever replaced on the condition that it still is
what was read (If-Match), which S3 decides for one key at a time
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html): of two writers one is refused.
"""

from typing import Any, Final, NoReturn

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties
from sluice_core.errors import NotFoundError, PreconditionError
from sluice_core.keys import WAREHOUSE
from typing_extensions import override

from sluice_compactor.store.place import Place

HINT: Final = "version-hint.text"
_ENDING: Final = ".metadata.json"


class BucketCatalog(MetastoreCatalog):
    """See the module. It knows what a compactor needs: to load, to create, to commit."""

    def __init__(self, place: Place) -> None:
        super().__init__("sluice", **place.io)
        self._place = place

    def load_table(self, identifier: str | Identifier) -> Table:
        """Raises NoSuchTableError."""
        return self._load(identifier)[0]

    @override
    def create_table(
        self,
        identifier: str | Identifier,
        schema: Schema,  # type: ignore[override]  # an Arrow schema has no field ids
        location: str | None = None,
        partition_spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC,
        sort_order: SortOrder = UNSORTED_SORT_ORDER,
        properties: Properties = EMPTY_DICT,
    ) -> Table:
        """Raises TableAlreadyExistsError when another writer was faster."""
        where = location or f"{self._place.root}/{self._root(identifier)}"
        staged = self._create_staged_table(
            identifier, schema, where, partition_spec, sort_order, properties
        )
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        hint = _hint(staged.metadata_location)
        try:
            self._place.bucket.put(
                self._key(identifier), hint, content_type="text/plain", if_none_match=True
            )
        except PreconditionError as error:
            # Refused although it is ours: an earlier try has landed, and its reply was lost.
            if self._place.bucket.get(self._key(identifier)).body != hint:
                raise TableAlreadyExistsError(f"{identifier} was made by another") from error
        return self.load_table(identifier)

    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        """Raises CommitFailedException when a requirement does not hold, or the pointer was moved meanwhile."""
        current, etag = self._load(table.name())
        staged = self._update_and_stage_table(current, table.name(), requirements, updates)
        if staged.metadata == current.metadata:
            return CommitTableResponse(
                metadata=current.metadata, metadata_location=current.metadata_location
            )
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        try:
            self._place.bucket.put(
                self._key(table.name()),
                _hint(staged.metadata_location),
                content_type="text/plain",
                if_match=etag,
            )
        except PreconditionError as error:
            raise CommitFailedException("another writer has moved the pointer") from error
        except NotFoundError as error:
            raise CommitFailedException("the pointer is gone: the table was removed") from error
        return CommitTableResponse(
            metadata=staged.metadata, metadata_location=staged.metadata_location
        )

    def _load(self, identifier: str | Identifier) -> tuple[Table, str]:
        key = self._key(identifier)
        try:
            hint = self._place.bucket.get(key)
        except NotFoundError as error:
            raise NoSuchTableError(f"there is no {self._place.root}/{key}") from error
        stem = hint.body.decode().strip()
        where = f"{self._place.root}/{self._root(identifier)}/metadata/{stem}{_ENDING}"
        metadata = FromInputFile.table_metadata(self._load_file_io(location=where).new_input(where))
        io = self._load_file_io(metadata.properties, where)
        table = Table(self.identifier_to_tuple(identifier), metadata, where, io, self)
        return table, hint.etag

    def _root(self, identifier: str | Identifier) -> str:
        return f"{WAREHOUSE}/{'/'.join(self.identifier_to_tuple(identifier))}"

    def _key(self, identifier: str | Identifier) -> str:
        return f"{self._root(identifier)}/metadata/{HINT}"

    def _no(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            "a catalog in the bucket loads, creates and commits; for more take Glue or a REST catalog"
        )

    drop_table = purge_table = rename_table = register_table = list_tables = _no
    create_namespace = drop_namespace = list_namespaces = _no
    load_namespace_properties = update_namespace_properties = _no
    list_views = load_view = register_view = drop_view = view_exists = _no


def _hint(location: str) -> bytes:
    return location.rsplit("/", 1)[1].removesuffix(_ENDING).encode()
