"""The reading stage: the supervised source, to its end."""

import threading
from collections.abc import Callable
from typing import Final

from sluice_core.service.logs import get_logger

from sluice_producer.metrics import Runtime
from sluice_producer.source.supervisor import Supervisor

_log = get_logger(__name__)

READER: Final = "reader"


class Reader:
    """A stage whose one step is all of reading; it ends with the source, or when a stop interrupts that."""

    name = READER

    def __init__(
        self, supervise: Callable[["Reader"], Supervisor], runtime: Runtime, url: str
    ) -> None:
        self._supervisor = supervise(self)
        self._metrics = runtime.metrics
        self._health = runtime.health
        self._stop = runtime.stop
        self._url = url
        self._ended = False
        self.wake = threading.Event()

    def step(self) -> bool:
        """Reads until the end, and then asks for a stop. Raises PermanentError when the source refuses for good."""
        if not self._ended:
            self._ended = True
            self._supervisor.run()
            self._stop.request()
        return False

    def due_in(self) -> float | None:
        """See `Stage`."""
        return None

    def close(self) -> None:
        """See `Stage`: the stop has interrupted the source already."""

    def beat(self) -> None:
        """The connection lives."""
        self._health.beat(READER)

    def observe(self, cause: str, detail: str) -> None:
        """A connection was opened (`open`), or has ended, and why."""
        if cause == "open":
            self._metrics.connected.set(1)
            self._health.set_ready("source", ready=True)
            _log.info("connected", url=self._url)
            return
        self._metrics.disconnected(cause)
        self._health.set_ready("source", ready=False, why=detail)
        _log.info("connection ended", cause=cause, why=detail)
