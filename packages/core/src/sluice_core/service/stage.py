"""What a thread drives: one interface for every part of a service that works by itself.

The parts of a service are a list of stages in the order in which data flows. The same list, walked, is the
drain: a stage is closed when those before it have ended, so that nothing more comes, works off what it has,
and ends. The interface is getsentry/arroyo's (submit, poll, close, terminate, join) in fewer words: `step`
polls, `close` closes, `Threads` joins, and a forced stop terminates. How work is submitted is each stage's own.
"""

import threading
from typing import Protocol


class Stage(Protocol):
    """One part with work of its own.

    `name` is unique in its process: its thread, its heartbeat and its log lines carry it.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def wake(self) -> threading.Event:
        """Set when there may be work before `due_in` is over; cleared by whoever waits for it."""
        ...

    def step(self) -> bool:
        """Does what is due; True when it should be called again at once.

        Raises `retry.Stopped` when a stop was forced in the middle; anything else that it raises is the end
        of the process.
        """
        ...

    def due_in(self) -> float | None:
        """Seconds until `step` has something to do, as far as is known; None when only `wake` can tell."""
        ...

    def close(self) -> None:
        """Nothing more will come. `step` works off the rest; once it returns False the stage has ended."""
        ...
