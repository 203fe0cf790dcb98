"""What this batcher holds: every message from its receive to its delete, and a memory of what it deleted.

SQS may deliver a message again while it is held (its lease lapsed) or after it was written (the delete was
lost). It tells these apart by message id: the newest receipt handle replaces the old one, and what is
written is only deleted again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Any, Final

from sluice_core.aws.sqs import Received, RefusedEntry
from sluice_core.limits import SQS_MAX_VISIBILITY_SECONDS
from sluice_core.wire import event_attributes
from sluice_core.wire.beside import DEFAULT_TYPE

from sluice_batcher.rows.lines import Ends

REMEMBERED: Final = 100_000
"""Ids of deleted messages that are remembered (some 15 MB)."""


class Admission(Enum):
    """What a received message is to this batcher."""

    NEW = auto()
    HELD = auto()
    WRITTEN = auto()


@dataclass(slots=True, eq=False)
class Held:
    """A message in this batcher's hands. Times are the monotonic clock's.

    `pending` counts what must happen before the message may be deleted: its rows stored, its dead letters
    accepted. `refused`: SQS knows its lease no more. `heartbeat`: when it was made (epoch seconds), of a message that is one. `generation`: see `InFlight`. `ids`, `types` and `sse_ids` go with the rows; None: all of the type `message`, none
    with an SSE id. `events` and `positions` are kept only where events are rows as they came, where columns come from
    their text (`native`), and for a transform that may fail. `ends`: as of `rows.lines`.
    """

    message_id: str
    handle: str
    sent_at: float
    received_at: float
    lease_until: float
    last_lease: float
    rows: Sequence[Any] = ()
    ids: Sequence[str] = ()
    types: Sequence[str] | None = None
    sse_ids: Sequence[str | None] | None = None
    size: int = 0
    pack_id: str | None = None
    source: str | None = None
    mark: str | None = None
    heartbeat: float | None = None
    events: Sequence[bytes] = ()
    positions: Sequence[int] = ()
    ends: Ends | None = None
    native: bool = False
    pending: int = 0
    refused: bool = False
    generation: int = 0

    def attributes_of(self, position: int) -> dict[str, str]:
        """What travels with the event at `position` when it goes on alone (needs `positions`)."""
        row = self.positions.index(position)
        return event_attributes(
            self.ids[row],
            self.types[row] if self.types else DEFAULT_TYPE,
            self.sse_ids[row] if self.sse_ids else None,
        )

    def empty(self) -> None:
        """Lets go of what the rows are made of: there are objects of them."""
        self.rows, self.ids, self.types, self.sse_ids = (), (), None, None
        self.events, self.positions, self.ends = (), (), None

    def lost(self, now: float) -> bool:
        """Whether the lease is known to be over: SQS gives the message to whoever asks next."""
        return self.refused or now >= self.lease_until


Lease = tuple[Held, str]
"""A message and the receipt handle that a call to SQS names it by; by the answer it may have a newer one."""


class Deletion(Enum):
    """What an accepted delete was: the message's first, a repeated one, or one by a handle that is not the newest."""

    FIRST = auto()
    REPEATED = auto()
    AGAIN = auto()


class InFlight:
    """All held messages by id, and the one owner of their state: every change of it is made here, under one lock.

    A message is received, held, ready (all its duties are done) and deleted; or it is dropped on the way and
    stays in the queue. `on_ready` is called when there are more that may be deleted. `generation` counts the queues of
    this name that are known of: it tells a message of the present queue from one whose queue is gone.
    """

    def __init__(self, on_ready: Callable[[], object]) -> None:
        self._on_ready = on_ready
        self._held: dict[str, Held] = {}
        self._ready: dict[str, Held] = {}
        self._done: OrderedDict[str, None] = OrderedDict()
        self._forbidden = False
        self._lock = threading.Lock()
        self.generation = 0

    def next_generation(self) -> None:
        """The queue has another in its place: what comes from now on is the new one's."""
        with self._lock:
            self.generation += 1

    def admit(
        self, messages: Sequence[Received], *, now: float, lease_until: float
    ) -> list[tuple[Admission, Held]]:
        """Takes received messages in. A written one goes to be deleted again at once."""
        with self._lock:
            admitted = [self._admit(message, now, lease_until) for message in messages]
        if any(admission is Admission.WRITTEN for admission, _ in admitted):
            self._on_ready()
        return admitted

    def _admit(self, message: Received, now: float, lease_until: float) -> tuple[Admission, Held]:
        message_id, handle = message.message_id, message.receipt_handle
        last_lease = now + SQS_MAX_VISIBILITY_SECONDS
        held = self._held.get(message_id)
        if held is not None:
            held.handle = handle
            held.lease_until = lease_until
            held.last_lease = last_lease
            held.refused = False
            held.generation = self.generation
            return Admission.HELD, held
        held = Held(message_id, handle, message.sent_at, now, lease_until, last_lease)
        held.generation = self.generation
        self._held[message_id] = held
        if message_id not in self._done:
            return Admission.NEW, held
        self._ready[message_id] = held
        return Admission.WRITTEN, held

    def fulfil(self, messages: Iterable[Held]) -> None:
        """One of each message's `pending` duties is done; the last one makes it ready to be deleted."""
        with self._lock:
            before = len(self._ready)
            for held in messages:
                held.pending -= 1
                if held.pending <= 0 and self._held.get(held.message_id) is held:
                    self._ready[held.message_id] = held
                    held.empty()
            ready = len(self._ready) > before
        if ready:
            self._on_ready()

    def encoded(self, messages: Iterable[Held]) -> None:
        """There are objects of these messages' rows, so that nobody needs the rows any more."""
        with self._lock:
            for held in messages:
                held.empty()

    def add_duty(self, held: Held) -> None:
        """One more thing must happen before the message may be deleted."""
        with self._lock:
            held.pending += 1

    def ready(self, most: int) -> list[Lease]:
        """Up to `most` messages that may be deleted, each with the handle to delete it by."""
        with self._lock:
            return [(held, held.handle) for held in islice(self._ready.values(), most)]

    def deleted(self, leases: Iterable[Lease]) -> list[Deletion]:
        """SQS has taken the delete by each handle, or knows that handle no more: no longer held.

        Remembered, in case the message comes again all the same. By an older handle than the newest nothing is
        known: it stays ready.
        """
        with self._lock:
            return [
                Deletion.AGAIN
                if held.handle != handle
                else Deletion.FIRST
                if self._finish(held)
                else Deletion.REPEATED
                for held, handle in leases
            ]

    def drop(self, held: Held) -> None:
        """Forgets a message that stays in the queue."""
        with self._lock:
            self._held.pop(held.message_id, None)
            self._ready.pop(held.message_id, None)

    def due_leases(self, now: float, visibility: int) -> dict[int, list[Lease]]:
        """Leases past their half-life: the seconds to extend by (SQS's 12 hours end some early) → leases."""
        due: dict[int, list[Lease]] = {}
        with self._lock:
            for held in self._held.values():
                if held.lost(now) or held.lease_until - now > visibility / 2:
                    continue
                seconds = min(visibility, int(held.last_lease - now))
                if seconds > held.lease_until - now:
                    due.setdefault(seconds, []).append((held, held.handle))
        return due

    def extended(
        self, leases: Sequence[Lease], until: float, refused: Mapping[int, RefusedEntry]
    ) -> None:
        """SQS's answer to an extension up to `until`; `refused`: index → what it said of that lease."""
        with self._lock:
            # A call that failed as a whole comes as a refusal of each: that tells of no right.
            if len(refused) < len(leases):
                self._forbidden = False
            for index, (held, handle) in enumerate(leases):
                entry = refused.get(index)
                if held.handle != handle:
                    continue  # received again since: its new lease is another
                if entry is None:
                    held.lease_until = until
                elif entry.permanent:
                    held.refused = True

    def forbid(self) -> None:
        """SQS says that this batcher may not extend: until it may again, a lapsed lease is no reason to drop.

        Giving the message up would only bring it here again, never into S3.
        """
        with self._lock:
            self._forbidden = True

    def lost(self, messages: Iterable[Held], now: float) -> list[Held]:
        """Those whose lease is known to be over, though this batcher may extend leases."""
        with self._lock:
            return [] if self._forbidden else [held for held in messages if held.lost(now)]

    def unwritten(self) -> list[Lease]:
        """The held messages that may not be deleted yet, each with its handle."""
        with self._lock:
            return [(h, h.handle) for h in self._held.values() if h.message_id not in self._ready]

    def oldest(self) -> float | None:
        """When the oldest held message was received; None when none is held."""
        with self._lock:
            return next((held.received_at for held in self._held.values()), None)

    @property
    def outstanding(self) -> int:
        """Messages held that have not been finished before: with those that have been, all that were received."""
        with self._lock:
            return sum(message_id not in self._done for message_id in self._held)

    def __len__(self) -> int:
        """Messages held."""
        return len(self._held)

    def _finish(self, held: Held) -> bool:
        """True when the message had not been finished before."""
        self._held.pop(held.message_id, None)
        self._ready.pop(held.message_id, None)
        first = held.message_id not in self._done
        self._done[held.message_id] = None
        self._done.move_to_end(held.message_id)
        if len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        return first
