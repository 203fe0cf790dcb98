"""What cannot be a row: a dead letter with its reason, sent before the original is deleted."""

from sluice_core.deadletter.dead_letter import (
    A_DETAIL,
    A_ESCAPED,
    A_POSITION,
    A_REASON,
    DeadLetter,
    DeadLetters,
    event_dead_letter,
)
from sluice_core.deadletter.pointer import (
    A_DEAD_KEY,
)

__all__ = [
    "A_DEAD_KEY",
    "A_DETAIL",
    "A_ESCAPED",
    "A_POSITION",
    "A_REASON",
    "DeadLetter",
    "DeadLetters",
    "event_dead_letter",
]
