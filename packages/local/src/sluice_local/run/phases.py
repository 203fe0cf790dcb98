"""What a run does at a time, as people read it."""

from typing import Final

from sluice_local.run.scrape import Snapshot

STARTING: Final = "starting"
RUNNING: Final = "running"
CONNECTING: Final = "connecting to the source"
NO_SOURCE: Final = "no connection to the source"
STOPPING_PRODUCER: Final = "stopping the producer"
EMPTYING: Final = "emptying the queue"
STOPPING_BATCHER: Final = "stopping the batcher"
COPYING: Final = "copying the files"
ACCOUNTING: Final = "accounting"
MAKING_TABLE: Final = "making the table"
DONE: Final = "done"
FAILED: Final = "failed"


def phase_of(now: Snapshot) -> str:
    """The phase of a run that nobody has asked to stop."""
    if now.connected is None:
        return STARTING
    if now.connected:
        return RUNNING
    return NO_SOURCE if now.received else CONNECTING
