"""Batches: messages that go out together, closed by the first trigger that fires.

A batch holds whole messages, so that a message's rows are never spread over two flushes and its delete waits
for one flush only. Ages count from the receive, on the monotonic clock.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sluice_batcher.inflight.held import Held
from sluice_batcher.metrics import AGE, BYTES, DRAIN, MESSAGES, ROWS


@dataclass(frozen=True)
class BatchLimits:
    """What closes a batch: rows, bytes of events, messages, seconds since its oldest message's receive."""

    rows: int
    size: int
    messages: int
    age: float


@dataclass(slots=True, eq=False)
class Batch:
    """Messages that are flushed together, and what closed them."""

    messages: list[Held] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    oldest: float = float("inf")
    reason: str = ""

    def add(self, messages: Sequence[Held], rows: int, size: int) -> None:
        """More messages, whole, that have so many rows and bytes together."""
        self.messages += messages
        self.rows += rows
        self.size += size
        self.oldest = min(self.oldest, *[held.received_at for held in messages])


class Buffer:
    """Fills batches and hands them out, oldest first; thread-safe. `on_closed` tells that one can be taken.

    `held`: of how many full batches is held so much, those in flush and the one that fills, before receiving waits.
    """

    def __init__(
        self,
        limits: BatchLimits,
        on_closed: Callable[[], None] = lambda: None,
        *,
        held: float = 2,
    ) -> None:
        self._limits = limits
        self._held = held
        self._on_closed = on_closed
        self._open = Batch()
        self._closed: deque[Batch] = deque()
        self._taken: set[Batch] = set()
        self._rows = self._size = self._messages = 0
        self._lock = threading.Lock()

    def add(self, messages: Sequence[Held]) -> None:
        """Adds messages that have rows, or a heartbeat: it goes with the batch, as an event in its place would."""
        with self._lock:
            before = len(self._closed)
            self._add(messages)
            closed = len(self._closed) > before
        if closed:
            self._on_closed()

    def _add(self, messages: Sequence[Held]) -> None:
        if not messages:
            return
        rows = sum([len(held.rows) for held in messages])
        size = sum([held.size for held in messages])
        reason = self._full(
            self._open.rows + rows, self._open.size + size, len(self._open.messages) + len(messages)
        )
        if reason is not None and len(messages) > 1:
            # One of them closes the batch, and the rest is for the next.
            for held in messages:
                self._add([held])
            return
        self._open.add(messages, rows, size)
        self._rows += rows
        self._size += size
        self._messages += len(messages)
        if reason is not None:
            self._close(reason)

    def take(self, now: float) -> Batch | None:
        """The oldest batch that is closed, by now; None when there is none. Give it to `done` afterwards."""
        with self._lock:
            if not self._closed and now >= self._open.oldest + self._limits.age:
                self._close(AGE)
            if not self._closed:
                return None
            batch = self._closed.popleft()
            self._taken.add(batch)
            return batch

    def close_open(self) -> None:
        """Closes the batch that is being filled: a drain takes it as it is."""
        with self._lock:
            if self._open.messages:
                self._close(DRAIN)

    def due_in(self, now: float) -> float | None:
        """Seconds until the open batch's age closes it; 0 when a closed one waits; None when all is empty."""
        with self._lock:
            if self._closed:
                return 0.0
            if not self._open.messages:
                return None
            return max(0.0, self._open.oldest + self._limits.age - now)

    def done(self, batch: Batch) -> None:
        """The batch is stored or given up: there is room for its size again."""
        with self._lock:
            self._taken.discard(batch)
            self._rows -= batch.rows
            self._size -= batch.size
            self._messages -= len(batch.messages)

    def oldest(self) -> float | None:
        """When the oldest message that no flush is done with was received; None when there is none."""
        with self._lock:
            oldest = min(batch.oldest for batch in (self._open, *self._closed, *self._taken))
        return None if math.isinf(oldest) else oldest

    @property
    def has_room(self) -> bool:
        """Whether receiving may go on: no more is held than the limit, in rows, bytes or messages."""
        return (
            self._rows < self._held * self._limits.rows
            and self._size < self._held * self._limits.size
            and self._messages < self._held * self._limits.messages
        )

    @property
    def rows(self) -> int:
        """Rows that are held, those under way to S3 included."""
        return self._rows

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be taken."""
        with self._lock:
            return not self._closed and not self._open.messages

    def _full(self, rows: int, size: int, messages: int) -> str | None:
        if rows >= self._limits.rows:
            return ROWS
        if size >= self._limits.size:
            return BYTES
        return MESSAGES if messages >= self._limits.messages else None

    def _close(self, reason: str) -> None:
        self._open.reason = reason
        self._closed.append(self._open)
        self._open = Batch()
