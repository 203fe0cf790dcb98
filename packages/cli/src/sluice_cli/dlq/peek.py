"""Every message of a queue, read without taking one away.

SQS has no such call: a message that is received is hidden from everybody for its visibility timeout, and one
receive gives ten at most. So all are received and held until the queue gives no more, and handed back at the
end. What another reader holds at that time cannot be seen; it is waited for, then counted as `unseen`.
"""

import contextlib
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from sluice_core.aws.sqs import QueueLike, Received
from sluice_core.errors import SluiceError
from sluice_core.limits import SQS_IN_FLIGHT
from sluice_core.service.clock import Clock, SystemClock

HELD_SECONDS: Final = 300
"""Visibility timeout of what is held; after a crash of this process the queue waits that long."""

_PAUSE_SECONDS: Final = 0.25


class Peek:
    """A reading of `queue`, once: `with Peek(queue) as peek: for message in peek: …`.

    `patience`: seconds to wait for messages that another reader holds. `wait_seconds`: the long poll; it must
    not be 0 on AWS, where a short poll asks only some of the servers. Raises the errors of `QueueLike`.
    """

    def __init__(
        self,
        queue: QueueLike,
        *,
        clock: Clock | None = None,
        patience: float = 10.0,
        wait_seconds: int = 1,
        held_seconds: int = HELD_SECONDS,
    ) -> None:
        self.unseen = 0
        """Messages that the queue counts and that were not given to us; known after the last message."""
        self._queue = queue
        self._clock = clock or SystemClock()
        self._patience = patience
        self._wait = wait_seconds
        self._lease = held_seconds
        self._handles: dict[str, str] = {}
        self._renew_at = 0.0

    def __enter__(self) -> Self:
        self._renew_at = self._clock.monotonic() + self._lease / 2
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        # A failure here costs nothing but time: what is not handed back shows up after the timeout.
        with contextlib.suppress(SluiceError):
            self._queue.extend(list(self._handles.values()), 0)
        self._handles.clear()

    def __iter__(self) -> Iterator[Received]:
        """Each message once, in no order; ends when the queue has no more to give."""
        give_up: float | None = None
        while True:
            self._renew()
            received = self._queue.receive(
                max_messages=10, wait_seconds=self._wait, visibility=self._lease
            )
            fresh = [m for m in received if m.message_id not in self._handles]
            self._handles.update((m.message_id, m.receipt_handle) for m in received)
            if fresh:
                give_up = None
                yield from fresh
                if len(self._handles) < SQS_IN_FLIGHT:
                    continue
            self.unseen = max(0, self._queue.attributes().depth - len(self._handles))
            now = self._clock.monotonic()
            give_up = now + self._patience if give_up is None else give_up
            full = len(self._handles) >= SQS_IN_FLIGHT
            if full or now >= give_up or not (received or self.unseen):
                return
            self._clock.wait(threading.Event(), _PAUSE_SECONDS)

    def delete(self, message_ids: list[str]) -> list[str]:
        """Deletes messages that were read; gives the ids of those that SQS did not delete."""
        held = [name for name in message_ids if name in self._handles]
        refused = self._queue.delete([self._handles[name] for name in held])
        kept = [held[entry.index] for entry in refused]
        for name in held:
            if name not in kept:
                del self._handles[name]
        return kept

    def _renew(self) -> None:
        """Extends everything held at half-life; what could not be extended is only received once more."""
        if self._clock.monotonic() >= self._renew_at:
            self._queue.extend(list(self._handles.values()), self._lease)
            self._renew_at = self._clock.monotonic() + self._lease / 2
