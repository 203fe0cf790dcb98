"""Dead letters back into the main queue.

A dead letter is deleted only after the main queue has accepted its message: a crash in between gives a duplicate,
never a loss. What was sent once is not sent again in the same run: a dead letter that the batcher refuses anew comes
back while we read, and would go round for ever.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sluice_core import reasons, wire
from sluice_core.aws.messages import OutMessage, escape
from sluice_core.aws.s3 import BucketLike
from sluice_core.aws.sqs import QueueLike, Received
from sluice_core.deadletter import A_DETAIL, A_ESCAPED, A_POSITION, A_REASON, DeadLetter
from sluice_core.deadletter.pointer import A_DEAD_KEY, restored, whole_body
from sluice_core.errors import DeadLetterError
from sluice_core.limits import SQS_BATCH_ENTRIES, SQS_MAX_BYTES
from sluice_core.service.clock import Clock, SystemClock
from sluice_core.wire.event_id import digest

from sluice_cli.dlq.content import content
from sluice_cli.dlq.peek import Peek
from sluice_cli.output import counted

STORED_ALREADY: Final = frozenset({reasons.COUNT_MISMATCH, reasons.HASH_MISMATCH})
"""Dead letters that only tell of a damaged pack whose readable events are rows: sending them again doubles those."""

_DEAD_LETTERS_OWN: Final = {A_REASON, A_DETAIL, A_POSITION, A_DEAD_KEY, A_ESCAPED}
_PACKS_OWN: Final = {wire.A_PACK_ID, wire.A_COUNT, wire.A_LAST_ID, wire.A_IDS}


class StaysError(Exception):
    """This dead letter cannot go back; the message says why."""


@dataclass(frozen=True)
class Choice:
    """Which dead letters: of one reason, those whose message id begins so, at most so many (None: all)."""

    reason: str | None = None
    message_id: str | None = None
    limit: int | None = None

    def takes(self, message: Received, dead_letter: DeadLetter) -> bool:
        """Whether it is one of them; one whose events are rows already must be asked for by name."""
        if self.message_id is not None:
            return message.message_id.startswith(self.message_id)
        if self.reason is not None:
            return dead_letter.reason == self.reason
        return dead_letter.reason not in STORED_ALREADY


@dataclass
class Redriven:
    """What was done, or would be: dead letters by reason and events sent, dead letters that stay by why, those that
    were sent and could not be deleted, and those passed over because their events are rows already."""

    sent: Counter[str] = field(default_factory=Counter)
    events: int = 0
    stays: dict[str, str] = field(default_factory=dict)
    undeleted: list[str] = field(default_factory=list)
    stored_already: int = 0
    unseen: int = 0

    def to_dict(self, *, dry: bool) -> dict[str, Any]:
        """The outcome as JSON takes it."""
        return {"dry_run": dry, **asdict(self), "sent": dict(self.sent)}


@dataclass(frozen=True)
class _Ready:
    source: Received
    reason: str
    events: int
    out: OutMessage


class Redrive:
    """Sends dead letters of `dlq` to `queue`; with `dry` it only tells which, and why others stay."""

    def __init__(
        self,
        dlq: QueueLike,
        queue: QueueLike,
        bucket: BucketLike,
        *,
        dry: bool,
        clock: Clock | None = None,
        patience: float = 10.0,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._dlq = dlq
        self._queue = queue
        self._bucket = bucket
        self._dry = dry
        self._clock = clock or SystemClock()
        self._patience = patience
        self._tell = tell
        self._ready: list[_Ready] = []
        self._outcome = Redriven()
        self._seen: set[str] = set()
        self._max_bytes = SQS_MAX_BYTES

    def run(self, choice: Choice) -> Redriven:
        """Goes through the dead-letter queue once. Raises the errors of `QueueLike` and `BucketLike`."""
        self._max_bytes = min(self._queue.attributes().max_message_bytes, SQS_MAX_BYTES)
        taken = 0
        with Peek(self._dlq, clock=self._clock, patience=self._patience) as peek:
            for message in map(restored, peek):
                dead_letter = DeadLetter.from_message(message)
                if not choice.takes(message, dead_letter):
                    self._outcome.stored_already += dead_letter.reason in STORED_ALREADY
                    continue
                if taken == choice.limit:
                    break
                taken += self._take(message, dead_letter.reason, peek)
            self._send(peek)
            self._outcome.unseen = peek.unseen
        return self._outcome

    def _take(self, message: Received, reason: str, peek: Peek) -> bool:
        """Whether the dead letter goes back, with the next batch."""
        try:
            out = self._message(message)
        except StaysError as why:
            self._outcome.stays[message.message_id] = str(why)
            return False
        waiting = sum(ready.out.size for ready in self._ready)
        if len(self._ready) == SQS_BATCH_ENTRIES or waiting + out.size > SQS_MAX_BYTES:
            self._send(peek)
        packed = wire.is_packed(out.body, {n: str(v) for n, v in out.attributes.items()})
        events = content(message, self._bucket).count if packed else 1
        self._ready.append(_Ready(message, reason, events, out))
        return True

    def _message(self, message: Received) -> OutMessage:
        try:
            body = whole_body(self._bucket, message)
        except DeadLetterError as error:
            raise StaysError(error.detail) from None
        kept = {n: v for n, v in message.attributes.items() if n not in _DEAD_LETTERS_OWN}
        if wire.A_CODEC not in kept:
            # An event out of a pack goes back alone: what described the pack would be wrong.
            kept = {n: v for n, v in kept.items() if n not in _PACKS_OWN}
        out = OutMessage(
            escape(body) or " ",
            {n: int(v) if n == wire.A_COUNT and v.isdecimal() else v for n, v in kept.items()},
        )
        if out.size > self._max_bytes:
            raise StaysError(
                f"{out.size:,} bytes are more than the queue takes ({self._max_bytes:,})"
            )
        mark = digest(out.body.encode())
        if mark in self._seen:
            raise StaysError("the same event or pack was sent back in this run already")
        self._seen.add(mark)
        return out

    def _send(self, peek: Peek) -> None:
        ready, self._ready = self._ready, []
        if not ready:
            return
        refused = (
            {} if self._dry else {r.index: r for r in self._queue.send([r.out for r in ready])}
        )
        accepted = [item for index, item in enumerate(ready) if index not in refused]
        for index, no in refused.items():
            self._outcome.stays[ready[index].source.message_id] = (
                f"the queue refused it: {no.code}: {no.detail}"
            )
        for item in accepted:
            self._outcome.sent[item.reason] += 1
            self._outcome.events += item.events
        if self._dry or not accepted:
            return
        kept = set(peek.delete([item.source.message_id for item in accepted]))
        self._outcome.undeleted += sorted(kept)
        for item in accepted:
            key = item.source.attributes.get(A_DEAD_KEY)
            if key is not None and item.source.message_id not in kept:
                self._bucket.delete(key)
        self._tell(f"{counted(self._outcome.sent.total(), 'dead letter')} sent back")
