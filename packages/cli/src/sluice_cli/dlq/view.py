"""Dead letters as `sluice dlq ls` and `show` see them, and the reasons that `--reason` takes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sluice_core import reasons
from sluice_core.aws.s3 import BucketLike
from sluice_core.aws.sqs import QueueLike, Received
from sluice_core.deadletter import DeadLetter
from sluice_core.deadletter.pointer import restored, whole_body
from sluice_core.errors import ConfigError, DeadLetterError, PermanentError

from sluice_cli.dlq.content import Content, content
from sluice_cli.dlq.peek import Peek
from sluice_cli.output import counted

_KNOWN: Final = reasons.ALL | {reasons.REDRIVEN}
"""With what a dead letter is called that only the queue's own redrive policy moved."""


def known_reason(name: str | None) -> None:
    """Raises ConfigError for a name that is none of the reasons: it would find nothing, and look like none."""
    if name is not None and name not in _KNOWN:
        raise ConfigError(f"--reason {name!r}: not one of {', '.join(sorted(_KNOWN))}")


@dataclass(frozen=True)
class ListedDeadLetter:
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
        """The dead letter as JSON takes it."""
        return asdict(self)


@dataclass
class Group:
    """All dead letters of one reason; times in UTC, ISO 8601."""

    dead_letters: int = 0
    events: int = 0
    oldest: str = ""
    newest: str = ""


@dataclass
class DeadLetters:
    """What is in the queue: groups by reason, the first dead letters, dead letters that others hold."""

    groups: dict[str, Group] = field(default_factory=dict)
    dead_letters: list[ListedDeadLetter] = field(default_factory=list)
    unseen: int = 0

    @property
    def count(self) -> int:
        """All dead letters of the groups."""
        return sum(group.dead_letters for group in self.groups.values())

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        told = asdict(self)
        # The keys are older than the names here: scripts read them.
        for part in (told, *told["groups"].values()):
            part["letters"] = part.pop("dead_letters")
        return told


def look(
    dlq: QueueLike, bucket: BucketLike, *, reason: str | None, limit: int, patience: float
) -> DeadLetters:
    """Counts all dead letters (of one reason, if given), and names the `limit` oldest."""
    found = DeadLetters()
    with Peek(dlq, patience=patience) as peek:
        for message in peek:
            seen = describe(message, content(message, bucket))
            if reason is not None and seen.reason != reason:
                continue
            group = found.groups.setdefault(seen.reason, Group(oldest=seen.sent_at))
            group.dead_letters += 1
            group.events += seen.events
            group.oldest = min(group.oldest, seen.sent_at)
            group.newest = max(group.newest, seen.sent_at)
            found.dead_letters.append(seen)
            if len(found.dead_letters) > 2 * limit + 1_000:
                found.dead_letters = _oldest(found.dead_letters, limit)
        found.unseen = peek.unseen
    found.dead_letters = _oldest(found.dead_letters, limit)
    return found


def find(
    dlq: QueueLike, bucket: BucketLike, start: str, *, body: bool, patience: float
) -> ListedDeadLetter:
    """The one dead letter whose message id begins with `start`. Raises PermanentError for none or several."""
    matching: list[ListedDeadLetter] = []
    with Peek(dlq, patience=patience) as peek:
        for message in peek:
            if message.message_id.startswith(start):
                text = _body(message, bucket) if body else None
                matching.append(describe(message, content(message, bucket), text))
        unseen = peek.unseen
    if len(matching) == 1:
        return matching[0]
    if matching:
        ids = ", ".join(dead_letter.message_id for dead_letter in matching[:5])
        raise PermanentError(
            f"{len(matching)} dead letters begin with {start!r}: {ids}; write more of it"
        )
    held = (
        f" ({counted(unseen, 'dead letter is', 'dead letters are')} held by somebody else)"
        if unseen
        else ""
    )
    raise PermanentError(
        f"no dead letter's message id begins with {start!r}{held}; see `sluice dlq ls`"
    )


def describe(message: Received, inside: Content, body: str | None = None) -> ListedDeadLetter:
    """A received message as a dead letter."""
    dead_letter = DeadLetter.from_message(message)
    return ListedDeadLetter(
        message_id=message.message_id,
        reason=dead_letter.reason,
        detail=dead_letter.detail,
        source=dead_letter.source,
        pack_id=dead_letter.pack_id,
        position=dead_letter.position,
        sent_at=datetime.fromtimestamp(message.sent_at, UTC).isoformat(timespec="seconds"),
        events=inside.count,
        ids=[names[0] for names in inside.events],
        size=len(message.body.encode("utf-8", "surrogatepass")),
        key=dead_letter.key,
        attributes=dict(message.attributes),
        body=body,
    )


def _body(message: Received, bucket: BucketLike) -> str:
    try:
        return whole_body(bucket, restored(message)).encode("utf-8", "backslashreplace").decode()
    except DeadLetterError as error:
        raise PermanentError(f"dead letter {message.message_id}: {error.detail}") from error


def _oldest(dead_letters: list[ListedDeadLetter], limit: int) -> list[ListedDeadLetter]:
    return sorted(
        dead_letters, key=lambda dead_letter: (dead_letter.sent_at, dead_letter.message_id)
    )[:limit]
