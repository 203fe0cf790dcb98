"""What this batcher holds: every message from its receive to its delete, and a memory of what it deleted.

SQS may deliver a message again while it is held (its lease lapsed) or after it was written (the delete was
lost). The ledger tells these apart by message id: the newest receipt handle replaces the old one, and what is
written is only deleted again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from sluice_core.beside import DEFAULT_TYPE
from sluice_core.limits import SQS_MAX_VISIBILITY_SECONDS
from sluice_core.sqs import Received
from sluice_core.wire import event_attributes

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
    accepted. `forbidden`: this batcher may not extend leases at all; giving the message up would only bring it
    here again, never into S3. `ids`, `types` and `sse_ids` go with the rows; None: all of the type `message`, none
    with an SSE id. `events` and `positions` are kept only for a transform that may fail.
    """

    message_id: str
    handle: str
    sent_at: float
    received_at: float
    lease_until: float
    last_lease: float
    rows: list[Any] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    types: Sequence[str] | None = None
    sse_ids: Sequence[str | None] | None = None
    size: int = 0
    pack_id: str | None = None
    source: str | None = None
    events: Sequence[bytes] = ()
    positions: Sequence[int] = ()
    pending: int = 0
    refused: bool = False
    forbidden: bool = False

    def attributes_of(self, position: int) -> dict[str, str]:
        """What travels with the event at `position` when it goes on alone (needs `positions`)."""
        row = self.positions.index(position)
        return event_attributes(
            self.ids[row],
            self.types[row] if self.types else DEFAULT_TYPE,
            self.sse_ids[row] if self.sse_ids else None,
        )

    def lost(self, now: float) -> bool:
        """Whether the lease is known to be over: SQS gives the message to whoever asks next."""
        return self.refused or now >= self.lease_until


class Ledger:
    """All held messages by id; thread-safe. `on_ready` gets each message that may be deleted."""

    def __init__(self, on_ready: Callable[[Held], None]) -> None:
        self._on_ready = on_ready
        self._held: dict[str, Held] = {}
        self._ready: set[str] = set()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, message: Received, *, now: float, lease_until: float) -> tuple[Admission, Held]:
        """Takes a received message in. A written one goes to be deleted again at once."""
        with self._lock:
            held = self._held.get(message.message_id)
            if held is not None:
                held.handle = message.receipt_handle
                held.lease_until = lease_until
                held.last_lease = now + SQS_MAX_VISIBILITY_SECONDS
                held.refused = False
                return Admission.HELD, held
            held = Held(
                message_id=message.message_id,
                handle=message.receipt_handle,
                sent_at=message.sent_at,
                received_at=now,
                lease_until=lease_until,
                last_lease=now + SQS_MAX_VISIBILITY_SECONDS,
            )
            self._held[message.message_id] = held
            if message.message_id not in self._done:
                return Admission.NEW, held
            self._ready.add(held.message_id)
        self._on_ready(held)
        return Admission.WRITTEN, held

    def fulfil(self, held: Held) -> None:
        """One of the message's `pending` duties is done; the last one makes it ready to be deleted."""
        with self._lock:
            held.pending -= 1
            if held.pending > 0 or self._held.get(held.message_id) is not held:
                return
            self._ready.add(held.message_id)
            held.rows, held.ids, held.events = [], [], ()
            held.types = held.sse_ids = None
        self._on_ready(held)

    def add_duty(self, held: Held) -> None:
        """One more thing must happen before the message may be deleted."""
        with self._lock:
            held.pending += 1

    def deleted(self, held: Held) -> None:
        """The message is deleted, or SQS knows its handle no more: remembered, in case it comes again."""
        with self._lock:
            self._held.pop(held.message_id, None)
            self._ready.discard(held.message_id)
            self._done[held.message_id] = None
            self._done.move_to_end(held.message_id)
            if len(self._done) > REMEMBERED:
                self._done.popitem(last=False)

    def drop(self, held: Held) -> None:
        """Forgets a message that stays in the queue."""
        with self._lock:
            self._held.pop(held.message_id, None)

    def everything(self) -> list[Held]:
        """All messages that are held, the oldest first."""
        with self._lock:
            return list(self._held.values())

    def unwritten(self) -> list[Held]:
        """The held messages that may not be deleted yet."""
        with self._lock:
            return [held for held in self._held.values() if held.message_id not in self._ready]

    def oldest(self) -> float | None:
        """When the oldest held message was received; None when none is held."""
        with self._lock:
            return next((held.received_at for held in self._held.values()), None)

    def __len__(self) -> int:
        """Messages held."""
        return len(self._held)
