"""Connections over time: when to reconnect, when to wait, when to give up.

requests-sse's own policy is off (it sleeps uninterruptibly, retries what cannot succeed, and knows neither
Retry-After nor a lossless resume).
"""

import random
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final, Protocol

from sluice_core.errors import PermanentError
from sluice_core.service.clock import Clock
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Stopped
from sluice_core.service.stop import Stop

from sluice_producer.source.connection import Broken, Resume, SourceRefused, Stream
from sluice_producer.source.parser import SourceEvent

_log = get_logger(__name__)

NO_CONTENT: Final = 204
TOO_OLD: Final = 400
CONTENT_TYPE: Final = 200
SERVER_ERROR: Final = 500
MAX_TOO_OLD: Final = 3
"""Times that a place may be refused in a row: then it is not its age that the source refuses."""
_PATIENCE: Final = 5
"""Refusals in a row before one that may pass (500, no event stream) is blamed on the place to resume from."""
_SURE: Final = 2
"""Times that a source must take us without that place and refuse us with it, before it is given up."""
_BEAT_SECONDS: Final = 15.0
TEMPORARY: Final = frozenset({408, 425, 429})


class Source(Protocol):
    """Opens connections: `connection.HttpSource`."""

    def open(self, resume: Resume, now: float) -> Stream:
        """Connects or raises SourceRefused or Broken."""
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
    """Seconds. A connection that lasted `healthy` and brought anything may end: the next follows at once.

    Comments are enough: a stream in which nothing happens is at work, and what happens while we wait is lost
    where the source keeps no history.
    """

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
        self._asked = Resume()
        self._refusals: list[int] = []
        stop.on_request(self.interrupt)

    def run(self) -> None:
        """Returns when the stop is requested or the source says 204; raises PermanentError for a final refusal."""
        while not self._stop.requested:
            try:
                self._connect_and_read()
            except SourceRefused as refusal:
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
        self._asked = self._position.resume()
        stream = self._open(self._asked)
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
            lasted = self._clock.monotonic() - started >= self._policy.healthy
            if lasted and stream.arrived:
                self._failures = -1
            elif delivered:
                self._failures = 0
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
        self._refusals.clear()
        self._observe("open", "")
        return stream

    def _after_refusal(self, refusal: SourceRefused) -> None:
        status = refusal.status
        self._refusals = [s for s in self._refusals if s == status] + [status]
        blamed = self._place_is_refused(status)
        if blamed:
            self._too_old += 1
            _log.error(
                "the source refuses the place to resume from", status=status, why=refusal.detail
            )
            self._position.too_old(lambda resume: self._probe(resume, {TOO_OLD, status}))
        elif blamed is None or self._may_pass(status):
            self._pause(refusal.retry_after, f"status {status}")
        else:
            raise _final(refusal)

    def _may_pass(self, status: int) -> bool:
        return (
            status in TEMPORARY
            or status >= SERVER_ERROR
            or (status == CONTENT_TYPE and self._once_worked)
        )

    def _place_is_refused(self, status: int) -> bool | None:
        """Whether it is the place to resume from that the source refuses, rather than us. None: neither, after all.

        400 says so. Of any other refusal that could be for an id (404 for an unknown one, 431 for a long one,
        500 where reading it fails) it is found out: without that place the source takes us, with it it does
        not, again and again.
        """
        if not self._asked.asks_for_history or self._too_old >= MAX_TOO_OLD:
            return False
        if status == TOO_OLD or not self._could_be_the_place(status):
            return status == TOO_OLD
        for _ in range(_SURE):
            if not self._probe(Resume()):
                return False
            if self._probe(self._asked):
                return None
        return True

    def _could_be_the_place(self, status: int) -> bool:
        if status in TEMPORARY or status > SERVER_ERROR:
            return False
        return not self._may_pass(status) or len(self._refusals) % _PATIENCE == 0

    def _probe(self, resume: Resume, refusals: Container[int] | None = None) -> bool:
        """Whether the source accepts `resume`; waits through what is temporary.

        `refusals`: the statuses that mean no; any other that does not pass is raised (None: each means no).
        Raises Stopped, PermanentError.
        """
        while not self._stop.requested:
            try:
                self._source.open(resume, self._clock.now()).close()
            except SourceRefused as refusal:
                status = refusal.status
                if status == NO_CONTENT:
                    return True
                if refusals is not None and status in refusals:
                    return False
                if status in TEMPORARY or status > SERVER_ERROR:
                    self._pause(refusal.retry_after, f"status {status}")
                elif refusals is None:
                    return False
                elif self._may_pass(status):
                    self._pause(refusal.retry_after, f"status {status}")
                else:
                    raise _final(refusal) from refusal
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
        _log.info("reconnecting", cause=cause, retry_in_seconds=round(delay, 2))
        until = self._clock.monotonic() + delay
        while not self._stop.requested and (left := until - self._clock.monotonic()) > 0:
            self._beat()
            self._clock.wait(self._stop.event, min(left, _BEAT_SECONDS))


def _final(refusal: SourceRefused) -> PermanentError:
    advice = {
        401: "SLUICE_SOURCE_HEADERS holds credentials",
        403: "check SLUICE_SOURCE_URL, SLUICE_SOURCE_HEADERS and SLUICE_USER_AGENT",
    }.get(refusal.status, "check SLUICE_SOURCE_URL")
    return PermanentError(
        f"the source refuses: HTTP {refusal.status}: {refusal.detail or 'no text'}; {advice}"
    )
