"""Letters as `sluice dlq ls` and `show` see them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sluice_core.aws.s3 import BucketLike
from sluice_core.aws.sqs import QueueLike, Received
from sluice_core.deadletter import DeadLetter
from sluice_core.deadletter.pointer import restored, whole_body
from sluice_core.errors import PermanentError, PoisonError

from sluice_cli.dlq.content import Content, content
from sluice_cli.dlq.peek import Peek
from sluice_cli.words import counted


@dataclass(frozen=True)
class Letter:
    """One dead letter. `size`: bytes in SQS; `key`: where a larger body stands; `ids`: its events' ids,
    the likeliest of each; `body` only when asked for."""

    message_id: str
    reason: str
    detail: str
    source: str | None
    pack_id: str | None
    position: int | None
    sent_at: str
    events: int
    ids: list[str]
    size: int
    key: str | None
    attributes: Mapping[str, str]
    body: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The letter as JSON takes it."""
        return asdict(self)


@dataclass
class Group:
    """All letters of one reason; times in UTC, ISO 8601."""

    letters: int = 0
    events: int = 0
    oldest: str = ""
    newest: str = ""


@dataclass
class Letters:
    """What is in the queue: groups by reason, the first letters, letters that others hold."""

    groups: dict[str, Group] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    unseen: int = 0

    @property
    def count(self) -> int:
        """All letters of the groups."""
        return sum(group.letters for group in self.groups.values())

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        return asdict(self)


def look(
    dlq: QueueLike, bucket: BucketLike, *, reason: str | None, limit: int, patience: float
) -> Letters:
    """Counts all letters (of one reason, if given), and names the `limit` oldest."""
    found = Letters()
    with Peek(dlq, patience=patience) as peek:
        for message in peek:
            seen = describe(message, content(message, bucket))
            if reason is not None and seen.reason != reason:
                continue
            group = found.groups.setdefault(seen.reason, Group(oldest=seen.sent_at))
            group.letters += 1
            group.events += seen.events
            group.oldest = min(group.oldest, seen.sent_at)
            group.newest = max(group.newest, seen.sent_at)
            found.letters.append(seen)
            if len(found.letters) > 2 * limit + 1_000:
                found.letters = _oldest(found.letters, limit)
        found.unseen = peek.unseen
    found.letters = _oldest(found.letters, limit)
    return found


def find(dlq: QueueLike, bucket: BucketLike, start: str, *, body: bool, patience: float) -> Letter:
    """The one letter whose message id begins with `start`. Raises PermanentError for none or several."""
    matching: list[Letter] = []
    with Peek(dlq, patience=patience) as peek:
        for message in peek:
            if message.message_id.startswith(start):
                text = _body(message, bucket) if body else None
                matching.append(describe(message, content(message, bucket), text))
        unseen = peek.unseen
    if len(matching) == 1:
        return matching[0]
    if matching:
        ids = ", ".join(letter.message_id for letter in matching[:5])
        raise PermanentError(
            f"{len(matching)} letters begin with {start!r}: {ids}; write more of it"
        )
    held = (
        f" ({counted(unseen, 'letter is', 'letters are')} held by somebody else)" if unseen else ""
    )
    raise PermanentError(f"no letter's message id begins with {start!r}{held}; see `sluice dlq ls`")


def describe(message: Received, inside: Content, body: str | None = None) -> Letter:
    """A received message as a letter."""
    letter = DeadLetter.from_message(message)
    return Letter(
        message_id=message.message_id,
        reason=letter.reason,
        detail=letter.detail,
        source=letter.source,
        pack_id=letter.pack_id,
        position=letter.position,
        sent_at=datetime.fromtimestamp(message.sent_at, UTC).isoformat(timespec="seconds"),
        events=inside.count,
        ids=[names[0] for names in inside.events],
        size=len(message.body.encode("utf-8", "surrogatepass")),
        key=letter.key,
        attributes=dict(message.attributes),
        body=body,
    )


def _body(message: Received, bucket: BucketLike) -> str:
    try:
        return whole_body(bucket, restored(message)).encode("utf-8", "backslashreplace").decode()
    except PoisonError as error:
        raise PermanentError(f"letter {message.message_id}: {error.detail}") from error


def _oldest(letters: list[Letter], limit: int) -> list[Letter]:
    return sorted(letters, key=lambda letter: (letter.sent_at, letter.message_id))[:limit]
