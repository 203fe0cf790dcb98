"""The evidence of `sluice verify`, and what follows from it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sluice_core.aws.s3 import BucketLike, ReadableLike
from sluice_core.aws.sqs import QueueLike, Received
from sluice_core.deadletter import DeadLetter
from sluice_core.lake.account import Account, account
from sluice_core.lake.folder import RunFolder
from sluice_core.lake.ids import Shards
from sluice_core.lake.told import Telling
from sluice_core.wire.event_id import META_ID
from sluice_core.wire.id_rule import Rule

from sluice_cli.dlq.content import content
from sluice_cli.dlq.peek import Peek
from sluice_cli.verify.objects import dropped_whole, noted_drops, scan


@dataclass
class Messages:
    """What a queue holds.

    `events`: candidates of each event's id. `unreadable`: events whose id nobody can tell. `reasons`: events
    by the reason of their dead letter. `unseen`: messages that another reader holds.
    """

    count: int = 0
    events: list[tuple[str, ...]] = field(default_factory=list)
    unreadable: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unseen: int = 0

    def add(self, message: Received, bucket: ReadableLike | None) -> None:
        """Counts `message`; a body that is too large for SQS comes from `bucket` (None: it is not read)."""
        inside = content(message, bucket)
        self.count += 1
        self.events += inside.events
        self.unreadable += inside.unreadable
        self.reasons[DeadLetter.from_message(message).reason] += inside.count


@dataclass
class Objects:
    """What the objects hold; `unreadable` and `odd` map an object's name to what is wrong with it.

    `uncounted`: objects without a column of ids. `dropped`: rows that a transform left out on purpose.
    """

    count: int = 0
    size: int = 0
    ids: Shards = field(default_factory=Shards)
    rows: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)
    uncounted: dict[str, str] = field(default_factory=dict)
    dropped: int = 0


class LakeTable(Protocol):
    """What is known of the lake's table; `unnamed`: rows without an id, `size` in bytes."""

    ids: Shards
    rows: int
    unnamed: int
    files: int
    size: int


@dataclass(frozen=True)
class Verdict:
    """The account with everything that qualifies it. `never_sent`: lost ids that the producer's ledger
    does not know, so that they were lost before the queue, and `unread`: ids that the source's file has
    after the last one that the ledger knows (None without both files)."""

    account: Account
    objects: Objects
    dead_letters: Messages | None
    queued: Messages | None
    rows_without_id: int
    torn: int
    never_sent: int | None = None
    unread: int | None = None
    table: LakeTable | None = None

    @property
    def ok(self) -> bool:
        """Nothing lost, every object readable and as its metadata say, and nothing that cannot be counted."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """0 certified, 1 lost or damaged, 2 the account cannot be certified."""
        if self.account.table_duplicates:
            return 1
        if self.objects.uncounted:
            return 2
        if self.account.lost or self.objects.unreadable or self.objects.odd:
            return 1
        return 2 if any(True for _ in self.doubts()) else 0

    def doubts(self) -> Iterator[str]:
        """What keeps this account from being certain, though nothing is known to be lost."""
        account, objects = self.account, self.objects
        if objects.uncounted:
            name, why = next(iter(objects.uncounted.items()))
            yield (
                f"{len(objects.uncounted):,} of {objects.count:,} objects have no column of event ids ({name}: "
                f"{why}): cannot count. Name the column with --id-column, or give the columns one with the path "
                "@event_id."
            )
        if self.table is not None and self.table.unnamed:
            yield f"{self.table.unnamed:,} rows of the table have no event id: they cannot be counted."
        if not objects.count and self.table is None and account.source is None:
            yield "There are no objects there: is the prefix right?"
        if account.conflicting_ids:
            yield (
                f"{account.conflicting_ids:,} ids were given to events that differ{self._named('conflicting')}: which "
                "of them is there cannot be told by id. Choose what makes an event itself with SLUICE_EVENT_ID."
            )
        if account.untold_ids:
            yield (
                f"{account.untold_ids:,} ids came more than once{self._named('untold')}, and nobody tells whether "
                "their events are the same: use a ledger, which tells digests."
            )
        if account.unclear:
            yield (
                f"{account.unclear:,} events stand in the ledger again after a restart and are not there as often: "
                "sent again, or come twice and lost? What the source gave (--source-ids) tells."
            )
        if account.source is not None and objects.dropped > account.dropped:
            yield (
                f"{objects.dropped:,} rows were left out by the transform, and only {account.dropped:,} are "
                "missing: some were counted twice (a redelivery), which could hide as many losses."
            )

    def _named(self, kind: str) -> str:
        names = self.account.samples.get(kind, ())
        return f" (for example {' '.join(names)})" if names else ""

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
            "uncounted_objects": self.objects.uncounted,
            "rows_dropped_by_transform": self.objects.dropped,
            "exit_code": self.exit_code,
            "doubts": list(self.doubts()),
            "dead_letters": _summary(self.dead_letters),
            "queue": _summary(self.queued),
            "torn_ledger_entries": self.torn,
            "table": None
            if self.table is None
            else {"rows": self.table.rows, "files": self.table.files, "bytes": self.table.size},
        }


def read_messages(queue: QueueLike, bucket: BucketLike | None, *, patience: float) -> Messages:
    """Everything in `queue`, which keeps it all."""
    found = Messages()
    with Peek(queue, patience=patience) as peek:
        for message in peek:
            found.add(message, bucket)
        found.unseen = peek.unseen
    return found


def read_objects(
    where: str | Path,
    bucket: BucketLike | None,
    column: str,
    rule: Rule = META_ID,
    *,
    may_move: bool = False,
) -> Objects:
    """The ids of all rows under `where`: in `column`, or where `rule` says in events as they came.

    Raises PermanentError when it does not exist. `may_move` as in `scan`.
    """
    found = Objects()
    if bucket is not None:
        found.dropped += dropped_whole(bucket, _prefix(str(where)))
    elif (run := RunFolder.at(Path(where))) is not None:
        found.dropped += noted_drops(run)
    for item in scan(where, bucket=bucket, column=column, rule=rule, may_move=may_move):
        found.count += 1
        found.size += item.size
        found.rows += item.rows
        found.ids.add(item.ids)
        found.dropped += item.dropped
        if not item.countable:
            found.uncounted[item.name] = item.fault or ""
        elif item.fault:
            (found.odd if item.readable else found.unreadable)[item.name] = item.fault
    return found


def judge(
    objects: Objects,
    *,
    source: Telling | None = None,
    ledger: Telling | None = None,
    dead_letters: Messages | None = None,
    queued: Messages | None = None,
    table: LakeTable | None = None,
    samples: int = 5,
) -> Verdict:
    """The verdict. `source` decides what must have arrived; without it the producer's `ledger` does.

    `table`: the lake's, read after `objects`: a row may have moved there, and none moves back.

    With both, the ledger tells how far the producer has read, what it filtered, and which lost events never
    reached the queue.
    """
    unread = None
    if source is not None and ledger is not None:
        source, unread = source.up_to_last_of(ledger)
    found = account(
        source=source,
        ledger=ledger,
        rows=objects.ids,
        table=None if table is None else table.ids,
        dead=dead_letters.events if dead_letters else (),
        pending=queued.events if queued else (),
        dropped=objects.dropped,
        samples=samples,
    )
    nothing = None if source is None or ledger is None else 0
    return Verdict(
        account=found,
        objects=objects,
        dead_letters=dead_letters,
        queued=queued,
        rows_without_id=0 if objects.uncounted else objects.rows - found.rows,
        torn=sum(part.torn for part in (source, ledger) if part is not None),
        never_sent=_never_sent(objects, source, ledger, dead_letters, queued, table=table)
        if found.lost
        else nothing,
        unread=unread,
        table=table,
    )


def _never_sent(
    objects: Objects,
    source: Telling | None,
    ledger: Telling | None,
    dead_letters: Messages | None,
    queued: Messages | None,
    *,
    table: LakeTable | None,
) -> int | None:
    if source is None or ledger is None:
        return None
    # What the ledger tells of is no longer lost before the queue: count it as if it had arrived.
    told = account(
        source=source,
        rows=objects.ids,
        more_rows=ledger,
        table=None if table is None else table.ids,
        dead=dead_letters.events if dead_letters else (),
        pending=queued.events if queued else (),
        samples=0,
    )
    return told.lost


def _prefix(where: str) -> str:
    return where.removeprefix("s3://").partition("/")[2].strip("/")


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
