"""A pack's events as the text that they travel in: one after the other, a line each.

Whoever can work on the text as a whole need not pay for an object an event; whoever cannot sees a sequence.
"""

from collections.abc import Iterator, Sequence
from typing import overload


class Lines(Sequence[bytes]):
    """The events of a text of lines, without their newlines."""

    __slots__ = ("_count", "_events", "size", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._events: list[bytes] | None = None
        # Splitting looks for newlines a word at a time; bytes.count looks at each byte before Python 3.13.
        self._count = len(self._split())
        self.size = len(text) - self._count + (text[-1:] not in (b"\n", b""))
        """Bytes of the events, without newlines."""

    def forget(self) -> None:
        """Lets go of the single events, for who keeps the text: they are split off again where one is asked for."""
        self._events = None

    def __len__(self) -> int:
        """The number of events."""
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        """The events."""
        return iter(self._split())

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        """The event at `index`."""
        return self._split()[index]

    def __eq__(self, other: object) -> bool:
        """Whether `other` is a sequence of the same events."""
        return isinstance(other, Sequence) and self._split() == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def _split(self) -> list[bytes]:
        if self._events is None:
            self._events = self.text.split(b"\n")
            if not self._events[-1]:
                self._events.pop()
        return self._events
