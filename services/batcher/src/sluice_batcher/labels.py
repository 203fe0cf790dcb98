"""The label values of the batcher's metrics, which the parts that count share."""

from typing import Final

ROWS: Final = "rows"
BYTES: Final = "bytes"
AGE: Final = "age"
MESSAGES: Final = "messages"
DRAIN: Final = "drain"
REASONS: Final = (ROWS, BYTES, AGE, MESSAGES, DRAIN)
