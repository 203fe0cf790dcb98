"""What a process ends with: the same codes for `sluice` and for the services, and what each tells.

docs/reference/exit-codes.md is made of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DONE: Final = 0
FAILED: Final = 1
REFUSED: Final = 2
REPLACED: Final = 3


@dataclass(frozen=True)
class Told:
    """A code, what it means, and when whom ends with it (a command of `sluice`, a service's module): in Markdown."""

    code: int
    means: str
    whose: Mapping[str, str]


SERVICES: Final = "sluice_producer, sluice_batcher, sluice_compactor"

TOLD: Final = (
    Told(
        DONE,
        "done",
        {
            SERVICES: "told to stop, and drained",
            "sluice_compactor": "without `--every` the one pass has left no day behind; an object that is set aside is no failure",
            "verify": "every event was found",
            "check": "no check failed (warnings are none)",
            "dlq redrive": "without `--yes` would leave nothing behind",
        },
    ),
    Told(
        FAILED,
        "it was tried, and it failed, or it found what must not be",
        {
            "": "AWS cannot be reached or refuses; the disk is full",
            "sluice_producer, sluice_batcher": "a thread has failed, or the grace period ended before all was drained; nothing is lost by it",
            "sluice_compactor": "without `--every` a day has to wait for the next pass, or nothing could be compacted",
            "compact": "a day has to wait for the next pass",
            "verify": "an event is lost, an object damaged, or an event twice in the table",
            "check": "a check failed (of a setting, too: it goes on with the others)",
            "dlq redrive": "a letter stays, or could not be deleted",
            "run": "the account does not come out even, or a process of the run ended",
        },
    ),
    Told(
        REFUSED,
        "nothing was done: something must be set right first",
        {
            "": "an unknown option, a wrong setting or a contradiction between two; no AWS credentials; a file or a directory that does not exist, cannot be made, or would be overwritten; a port in use",
            "verify": "the account could not be made, whatever the reason, or cannot rule a loss out",
            "check": "there are no AWS credentials",
        },
    ),
    Told(
        REPLACED,
        "another producer has taken over",
        {"sluice_producer": "the older of two producers of one source leaves"},
    ),
)
