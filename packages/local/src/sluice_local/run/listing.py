"""The objects that were written last, found without holding anything up.

Partitions are those of event time, so the newest object may stand in any of them, and only a listing of all tells
which it is. A thread of its own makes it and then rests ten times as long as it took: an eleventh of the time at most
goes into listings, however many objects there are, and what is known is so much older.
"""

import heapq
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

from sluice_core.aws.s3 import BucketLike, Stored
from sluice_core.errors import SluiceError
from sluice_core.service.clock import Clock

NEWEST: Final = 6
REST: Final = 10
"""Times as long as a listing took is the rest until the next one."""

LEAST_REST: Final = 3.0
"""Seconds; nobody reads faster."""


class Listing:
    """Lists what is below `prefix` when `look` says that there is more. A context manager: its thread lives in it."""

    def __init__(self, bucket: BucketLike, prefix: str, clock: Clock) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._clock = clock
        self.newest: tuple[Stored, ...] = ()
        """The last ones at the last listing, newest first."""
        self._written = 0
        self._listed = 0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="newest-objects", daemon=True)

    def look(self, written: int) -> None:
        """So many objects were written until now."""
        with self._changed:
            if written != self._written:
                self._written = written
                self._changed.notify()

    def finish(self) -> None:
        """Lists once more, here and whole, and no more after that. Raises SluiceError."""
        self._close()
        self.newest = self._list(lambda: False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        with self._changed:
            self._closed.set()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closed.is_set() or self._written != self._listed
                )
                written = self._written
            if self._closed.is_set():
                return
            began = self._clock.monotonic()
            try:
                newest = self._list(self._closed.is_set)
            except SluiceError:
                # What was known stays, and the next try comes after the rest: that AWS does not answer is told by
                # the queues, which are asked at each look.
                pass
            else:
                self._listed = written
                self.newest = self.newest if self._closed.is_set() else newest
            took = self._clock.monotonic() - began
            self._clock.wait(self._closed, max(LEAST_REST, REST * took))

    def _list(self, enough: Callable[[], bool]) -> tuple[Stored, ...]:
        # A UUIDv7 in the name sorts by time of writing, whatever the partition.
        found = heapq.nlargest(NEWEST, self._all(enough), key=lambda s: s.key.rsplit("/", 1)[-1])
        return tuple(found)

    def _all(self, enough: Callable[[], bool]) -> Iterator[Stored]:
        for stored in self._bucket.list(f"{self._prefix}/"):
            if enough():
                return
            yield stored
