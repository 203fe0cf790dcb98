"""The evidence of `sluice verify`, and what follows from it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from sluice_core.account import Account, Array, account
from sluice_core.deadletter import DeadLetter
from sluice_core.s3 import BucketLike
from sluice_core.sqs import QueueLike, Received

from sluice_cli.given import Given
from sluice_cli.letters import content
from sluice_cli.objects import scan
from sluice_cli.peek import Peek


@dataclass
class Messages:
    """What a queue holds.

    `events`: candidates of each event's id. `unreadable`: events whose id nobody can tell. `reasons`: events
    by the reason of their letter. `unseen`: messages that another reader holds.
    """

    count: int = 0
    events: list[tuple[str, ...]] = field(default_factory=list)
    unreadable: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unseen: int = 0

    def add(self, message: Received, bucket: BucketLike | None) -> None:
        """Counts `message`; a body that is too large for SQS comes from `bucket` (None: it is not read)."""
        inside = content(message, bucket)
        self.count += 1
        self.events += inside.events
        self.unreadable += inside.unreadable
        self.reasons[DeadLetter.from_message(message).reason] += inside.count


@dataclass
class Objects:
    """What the objects hold; `unreadable` and `odd` map an object's name to what is wrong with it."""

    count: int = 0
    size: int = 0
    ids: list[Array] = field(default_factory=list)
    rows: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The account with everything that qualifies it. `never_sent`: lost ids that the producer's ledger
    does not know, so that they were lost before the queue, and `unread`: ids that the source's file has
    after the last one that the ledger knows (None without both files)."""

    account: Account
    objects: Objects
    letters: Messages | None
    queued: Messages | None
    rows_without_id: int
    torn: int
    never_sent: int | None = None
    unread: int | None = None

    @property
    def ok(self) -> bool:
        """Nothing lost, and every object readable and as its metadata say."""
        return not (self.account.lost or self.objects.unreadable or self.objects.odd)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON takes it."""
        return {
            "ok": self.ok,
            **self.account.to_dict(),
            "never_sent": self.never_sent,
            "unread": self.unread,
            "rows_without_id": self.rows_without_id,
            "objects": self.objects.count,
            "bytes": self.objects.size,
            "unreadable_objects": self.objects.unreadable,
            "odd_objects": self.objects.odd,
            "dead_letters": _summary(self.letters),
            "queue": _summary(self.queued),
            "torn_ledger_entries": self.torn,
        }


def read_messages(queue: QueueLike, bucket: BucketLike | None, *, patience: float) -> Messages:
    """Everything in `queue`, which keeps it all."""
    found = Messages()
    with Peek(queue, patience=patience) as peek:
        for message in peek:
            found.add(message, bucket)
        found.unseen = peek.unseen
    return found


def read_objects(where: str | Path, bucket: BucketLike | None, column: str) -> Objects:
    """The ids of all rows under `where`. Raises PermanentError when it does not exist."""
    found = Objects()
    for item in scan(where, bucket=bucket, column=column):
        found.count += 1
        found.size += item.size
        found.rows += item.rows
        found.ids.append(item.ids)
        if item.fault:
            (found.odd if item.readable else found.unreadable)[item.name] = item.fault
    return found


def judge(
    objects: Objects,
    *,
    source: Given | None = None,
    ledger: Given | None = None,
    letters: Messages | None = None,
    queued: Messages | None = None,
    samples: int = 5,
) -> Verdict:
    """The verdict. `source` decides what must have arrived; without it the producer's `ledger` does.

    With both, the ledger tells how far the producer has read, what it filtered, and which lost events never
    reached the queue.
    """
    unread = None
    if source is not None and ledger is not None:
        source, unread = source.up_to_last_of(ledger)
    given = ledger if source is None else source
    exempt = [part.filtered for part in (source, ledger) if part is not None]
    found = account(
        source=None if given is None else given.ids,
        filtered=pa.chunked_array([c for part in exempt for c in part.chunks], pa.large_string()),
        rows=pa.chunked_array(objects.ids, pa.large_string()),
        dead=letters.events if letters else (),
        pending=queued.events if queued else (),
        samples=samples,
    )
    return Verdict(
        account=found,
        objects=objects,
        letters=letters,
        queued=queued,
        rows_without_id=objects.rows - found.rows,
        torn=sum(part.torn for part in (source, ledger) if part is not None),
        never_sent=_never_sent(objects, source, ledger, letters, queued),
        unread=unread,
    )


def _never_sent(
    objects: Objects,
    source: Given | None,
    ledger: Given | None,
    letters: Messages | None,
    queued: Messages | None,
) -> int | None:
    if source is None or ledger is None:
        return None
    # What the ledger tells of is no longer lost before the queue: count it as if it had arrived.
    told = account(
        source=source.ids,
        filtered=source.filtered,
        rows=pa.chunked_array([*objects.ids, *ledger.ids.chunks], pa.large_string()),
        dead=letters.events if letters else (),
        pending=queued.events if queued else (),
        samples=0,
    )
    return told.lost


def _summary(messages: Messages | None) -> Mapping[str, Any] | None:
    if messages is None:
        return None
    return {
        "messages": messages.count,
        "events": len(messages.events) + messages.unreadable,
        "unreadable_events": messages.unreadable,
        "reasons": dict(messages.reasons.most_common()),
        "unseen_messages": messages.unseen,
    }
