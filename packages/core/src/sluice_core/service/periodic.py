"""A stage beside the flow that does one thing every so many seconds."""

import threading
from abc import ABC, abstractmethod

from sluice_core.service.clock import Clock


class Periodic(ABC):
    """A `Stage`: `act` at once or after the first `seconds`, then each `seconds` after the time before; never in a hurry."""

    name: str

    def __init__(self, clock: Clock, seconds: float, *, at_once: bool) -> None:
        self._clock = clock
        self._seconds = seconds
        self._next = clock.monotonic() + (0.0 if at_once else seconds)
        self.wake = threading.Event()

    @abstractmethod
    def act(self) -> None:
        """What there is to do; it is not called for what was missed."""

    def step(self) -> bool:
        """Acts when it is time; False, see `Stage`."""
        now = self._clock.monotonic()
        if now >= self._next:
            self._next = now + self._seconds
            self.act()
        return False

    def due_in(self) -> float | None:
        """See `Stage`."""
        return max(0.0, self._next - self._clock.monotonic())

    def close(self) -> None:  # noqa: B027  (there is nothing to override)
        """See `Stage`: nothing is left to do."""
