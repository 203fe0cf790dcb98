"""Time as an argument, so that tests never sleep and a clock that goes backwards can be tried."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What Sluice asks of time."""

    def now(self) -> float:
        """Wall clock: seconds since the epoch; may jump, even backwards."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back; all ages and timeouts use this."""
        ...

    def wait(self, event: threading.Event, timeout: float) -> bool:
        """Waits until `event` is set or `timeout` seconds are over; True when it is set."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.time()

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    def wait(self, event: threading.Event, timeout: float) -> bool:
        """See `Clock.wait`."""
        return event.wait(timeout)
