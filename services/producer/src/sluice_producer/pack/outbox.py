"""Packs on their way to the senders, in order. Bounded by what `acks` lets in, not by a length of its own."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A queue from which several are taken at once, and which can be closed."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> None:
        """Adds an item; never waits."""
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def take(self, most: int, timeout: float) -> list[T] | None:
        """Up to `most` items, waiting up to `timeout` seconds for the first; None when closed and empty."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait(timeout)
            if not self._items:
                return None if self._closed else []
            return [self._items.popleft() for _ in range(min(most, len(self._items)))]

    def close(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
