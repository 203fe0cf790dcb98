"""Packs on their way to the senders, in order. Bounded by what `acks` lets in, not by a length of its own."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A queue from which several are taken at once; `wake` is set when there is something new."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self.wake = threading.Event()

    def put(self, item: T) -> None:
        """Adds an item; never waits."""
        with self._lock:
            self._items.append(item)
        self.wake.set()

    def take(self, most: int) -> list[T]:
        """Up to `most` items, at once."""
        with self._lock:
            return [self._items.popleft() for _ in range(min(most, len(self._items)))]
