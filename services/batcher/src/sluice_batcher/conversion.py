"""What the settings ask of events and rows, and all that can be wrong with it, before anything outside is touched."""

from dataclasses import dataclass

from sluice_batcher.rows.columns import ColumnSet, load_columns
from sluice_batcher.rows.event_time import parse_paths
from sluice_batcher.rows.parse import Parser
from sluice_batcher.rows.table import TableMaker
from sluice_batcher.settings import BatcherSettings
from sluice_batcher.write.partition import Partitioner
from sluice_batcher.write.transform import Transform, load_transform


@dataclass(frozen=True)
class Conversion:
    """Columns, and what makes rows and tables of them; `transform` is the user's hook, if there is one."""

    columns: ColumnSet
    parser: Parser
    tables: TableMaker
    transform: Transform | None

    @classmethod
    def of(cls, settings: BatcherSettings) -> "Conversion":
        """Raises ConfigError: a column file with an error, a hook that cannot be imported."""
        partitions = Partitioner(settings.partition_by).names
        columns = load_columns(settings.columns, partitions)
        times = parse_paths(settings.event_time)
        parser = Parser(columns, max_event_bytes=settings.max_event_bytes, times=times)
        transform = None
        if settings.transform is not None:
            transform = load_transform(settings.transform, columns.schema)
        return cls(columns, parser, TableMaker(columns, parser.shape, times), transform)
