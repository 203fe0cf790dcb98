"""The label values of the producer's metrics, which the parts that count share."""

from typing import Final

CANARY: Final = "canary"
DUPLICATE: Final = "duplicate"
EMPTY: Final = "empty"
TYPE: Final = "type"
DROP_REASONS: Final = (CANARY, DUPLICATE, EMPTY, TYPE)

EVENTS: Final = "events"
BYTES: Final = "bytes"
AGE: Final = "age"
STOP: Final = "stop"
TRIGGERS: Final = (EVENTS, BYTES, AGE, STOP)

MAIN: Final = "main"
DEAD_LETTER: Final = "dead-letter"
QUEUES: Final = (MAIN, DEAD_LETTER)
