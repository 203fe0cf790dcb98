"""Events as they came (`SLUICE_COLUMNS=raw`) as rows: the id, and the event's JSON, byte for byte.

Such an object does not tell the ids that travelled beside its events: they are found again where the producer has
looked for them. Of two equal events nobody can tell whether one is the other's copy. So an event's hash is its id only
where a setting asks for it, and never in the place of an id that is not there.
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
from sluice_core.keys import COLUMNS_METADATA, RAW
from sluice_core.lake.ids import TEXT
from sluice_core.lake.reader import raw_lines
from sluice_core.lake.tables import ARROW_ERRORS
from sluice_core.wire.event_id import digest, find_id
from sluice_core.wire.id_rule import SHA256, Rule

from sluice_compactor.errors import UnfitError

EVENT: Final = "event"
"""The column of an event's JSON."""


def holds_events(metadata: Mapping[str, str]) -> bool:
    """Whether an object's lines are events as they came."""
    return metadata.get(COLUMNS_METADATA) == RAW


def event_rows(name: str, body: bytes, id_column: str, rule: Rule) -> pa.Table:
    """A row for each event, in the columns `id_column` (null where `rule` finds no id) and EVENT.

    Raises PermanentError when the object cannot be read, UnfitError when it has no place for ids.
    """
    if id_column == EVENT:
        raise UnfitError(
            f"it holds events as they came, whose text has the column {EVENT!r}: the ids need another "
            "(SLUICE_LAKE_ID_COLUMN)"
        )
    lines = raw_lines(name, body)
    if rule == SHA256:
        ids: list[str | None] = list(map(digest, lines))
    elif isinstance(rule, tuple):
        ids = [find_id(line, rule) for line in lines]
    else:
        raise UnfitError(
            f"it holds events as they came, which do not tell the ids that SLUICE_EVENT_ID={rule} asks for"
        )
    try:
        texts = pa.array(lines, pa.large_binary()).cast(TEXT)
    except ARROW_ERRORS as error:
        raise UnfitError("it holds an event that is not UTF-8") from error
    return pa.table([pa.array(ids, TEXT), texts], [id_column, EVENT])
