"""Connections over time: when to reconnect, when to wait, when to give up.

requests-sse's own policy is off (it sleeps uninterruptibly, retries what cannot succeed, and knows neither
Retry-After nor a lossless resume).
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from sluice_core.clock import Clock
from sluice_core.errors import PermanentError
from sluice_core.lifecycle import Stop
from sluice_core.logs import get_logger
from sluice_core.retry import Stopped

from sluice_producer.source.connection import Broken, Refused, Resume, Stream
from sluice_producer.source.parser import SourceEvent

_log = get_logger(__name__)

NO_CONTENT: Final = 204
TOO_OLD: Final = 400
CONTENT_TYPE: Final = 200
MAX_TOO_OLD: Final = 3
"""Times that a place may be refused in a row: then it is not its age that the source refuses."""
_BEAT_SECONDS: Final = 15.0
TEMPORARY: Final = frozenset({408, 425, 429})


class Source(Protocol):
    """Opens connections: `connection.HttpSource`."""

    def open(self, resume: Resume, now: float) -> Stream:
        """Connects or raises Refused or Broken."""
        ...


class Resumable(Protocol):
    """Knows where the next connection begins."""

    def resume(self) -> Resume:
        """The place after the last delivered event."""
        ...

    def too_old(self, probe: Callable[[Resume], bool]) -> None:
        """The source refused that place: move to the oldest that it still has, as far as `probe` can tell.

        `probe` tells whether the source accepts a place. Raises PermanentError when it accepts none.
        """
        ...


@dataclass(frozen=True)
class Policy:
    """Seconds. A connection that lasted `healthy` and delivered events may end: the next follows at once."""

    base: float = 1.0
    cap: float = 60.0
    healthy: float = 5.0
    longest_retry_after: float = 3600.0


class SourceFailed(Exception):  # noqa: N818  (the source says so in its stream)
    """An event told that the source itself has failed: reconnect."""


class Supervisor:
    """Keeps one connection open and hands each event to `handle`, until it is stopped or told to.

    `observe` hears of connections: ("open", "") and (cause, detail) for each end; `beat` is called at least
    every 15 seconds of waiting.
    """

    def __init__(
        self,
        source: Source,
        position: Resumable,
        handle: Callable[[SourceEvent], None],
        *,
        stop: Stop,
        clock: Clock,
        rng: random.Random,
        policy: Policy | None = None,
        observe: Callable[[str, str], None] = lambda _cause, _detail: None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._position = position
        self._handle = handle
        self._stop = stop
        self._clock = clock
        self._rng = rng
        self._policy = policy or Policy()
        self._observe = observe
        self._beat = beat
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._failures = 0
        self._base = self._policy.base
        self._once_worked = False
        self._too_old = 0
        stop.on_request(self.interrupt)

    def run(self) -> None:
        """Returns when the stop is requested or the source says 204; raises PermanentError for a final refusal."""
        while not self._stop.requested:
            try:
                self._connect_and_read()
            except Refused as refusal:
                if refusal.status == NO_CONTENT:
                    _log.info("the source says that there is no more")
                    return
                self._observe(f"status-{refusal.status}", refusal.detail)
                try:
                    self._after_refusal(refusal)
                except Stopped:
                    return
            except Broken as broken:
                if self._stop.event.is_set():
                    return
                self._observe(broken.cause, str(broken))
                self._pause(None, broken.cause)
            except SourceFailed as failure:
                self._observe("source-error", str(failure))
                self._pause(None, "source-error")

    def interrupt(self) -> None:
        """Wakes the reading thread; any thread may call it."""
        with self._lock:
            if self._stream is not None:
                self._stream.interrupt()

    def _connect_and_read(self) -> None:
        stream = self._open(self._position.resume())
        started, delivered = self._clock.monotonic(), False
        handle, stopped = self._handle, self._stop.event.is_set
        try:
            for event in stream:
                handle(event)
                delivered = True
                if stopped():
                    return
        except Exception as error:
            # Whatever a reader makes of a socket that was shut down under it, it is the stop.
            if self._stop.requested and not isinstance(error, PermanentError):
                raise Broken("stop", type(error).__name__) from error
            raise
        finally:
            if stream.retry is not None:
                self._base = min(max(stream.retry, 0.1), self._policy.cap)
            if delivered:
                healthy = self._clock.monotonic() - started >= self._policy.healthy
                self._failures = -1 if healthy else 0
            with self._lock:
                self._stream = None
            stream.close()

    def _open(self, resume: Resume) -> Stream:
        stream = self._source.open(resume, self._clock.now())
        with self._lock:
            self._stream = stream
        if self._stop.requested:
            stream.interrupt()
        self._once_worked = True
        self._too_old = 0
        self._observe("open", "")
        return stream

    def _after_refusal(self, refusal: Refused) -> None:
        status = refusal.status
        if (
            status == TOO_OLD
            and self._too_old < MAX_TOO_OLD
            and self._position.resume().asks_for_history
        ):
            self._too_old += 1
            _log.error(
                "the source refuses the place to resume from", status=status, detail=refusal.detail
            )
            self._position.too_old(self._probe)
        elif status in TEMPORARY or status >= 500 or (status == CONTENT_TYPE and self._once_worked):
            self._pause(refusal.retry_after, f"status {status}")
        else:
            raise PermanentError(
                f"the source refuses: HTTP {status}: {refusal.detail or 'no text'}; check SLUICE_SOURCE_URL"
                + (" and SLUICE_USER_AGENT" if status == 403 else "")
            )

    def _probe(self, resume: Resume) -> bool:
        """Whether the source accepts `resume`; waits through what is temporary. Raises Stopped."""
        while not self._stop.requested:
            try:
                self._source.open(resume, self._clock.now()).close()
            except Refused as refusal:
                if refusal.status == TOO_OLD:
                    return False
                self._after_refusal(refusal)
            except Broken as broken:
                self._pause(None, broken.cause)
            else:
                return True
        raise Stopped

    def _pause(self, retry_after: float | None, cause: str) -> None:
        """Full jitter over a doubling ceiling; nothing after a healthy connection (failures = -1)."""
        if self._failures < 0:
            self._failures = 0
            if retry_after is None:
                return
        ceiling = min(self._policy.cap, self._base * 2.0 ** min(self._failures, 16))
        self._failures += 1
        delay = self._rng.uniform(0, ceiling)
        if retry_after is not None:
            delay += min(retry_after, self._policy.longest_retry_after)
        _log.info("reconnecting", cause=cause, wait_seconds=round(delay, 2))
        until = self._clock.monotonic() + delay
        while not self._stop.requested and (left := until - self._clock.monotonic()) > 0:
            self._beat()
            self._clock.wait(self._stop.event, min(left, _BEAT_SECONDS))
