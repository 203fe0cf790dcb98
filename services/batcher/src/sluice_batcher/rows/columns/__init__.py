"""Column sets: which fields of an event become which columns, in which order and of which type."""

from sluice_batcher.rows.columns.load import RAW, load_columns
from sluice_batcher.rows.columns.model import (
    EVENT_ID,
    EVENT_TIME,
    EVENT_TYPE,
    SPECIAL,
    SSE_ID,
    Column,
    ColumnSet,
    Kind,
    arrow_type,
)

__all__ = [
    "EVENT_ID",
    "EVENT_TIME",
    "EVENT_TYPE",
    "RAW",
    "SPECIAL",
    "SSE_ID",
    "Column",
    "ColumnSet",
    "Kind",
    "arrow_type",
    "load_columns",
]
