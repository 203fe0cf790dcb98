"""The dead-letter queue's tables and lines."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from sluice_cli.dlq.redrive import Redriven
from sluice_cli.dlq.view import DeadLetters, ListedDeadLetter
from sluice_cli.output import counted

_STAYING_NAMED = 10


def summary(found: DeadLetters, name: str) -> Table:
    """Reasons with their counts."""
    table = Table(title=f"{counted(found.count, 'dead letter')} in {name}", title_justify="left")
    table.add_column("reason")
    table.add_column("dead letters", justify="right")
    table.add_column("events", justify="right")
    table.add_column("oldest (UTC)")
    table.add_column("newest (UTC)")
    for reason, group in sorted(found.groups.items(), key=lambda item: -item[1].dead_letters):
        table.add_row(
            safe(reason),
            f"{group.dead_letters:,}",
            f"{group.events:,}",
            group.oldest.removesuffix("+00:00"),
            group.newest.removesuffix("+00:00"),
        )
    return table


def listing(found: DeadLetters) -> Table:
    """The dead letters, a line each."""
    left = found.count - len(found.dead_letters)
    table = Table(show_edge=False, caption=f"{left:,} more: --limit" if left else None)
    table.add_column("message id", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    table.add_column("events", justify="right")
    table.add_column("detail", overflow="fold")
    for dead_letter in found.dead_letters:
        table.add_row(
            dead_letter.message_id,
            safe(dead_letter.reason),
            f"{dead_letter.events:,}",
            safe(dead_letter.detail),
        )
    return table


def single(dead_letter: ListedDeadLetter) -> Table:
    """One dead letter, a field a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    ids = ", ".join(dead_letter.ids[:5]) + (" …" if len(dead_letter.ids) > 5 else "")
    rows = {
        "message id": dead_letter.message_id,
        "reason": dead_letter.reason,
        "detail": dead_letter.detail,
        "source": dead_letter.source,
        "pack id": dead_letter.pack_id,
        "line in the pack": dead_letter.position,
        "sent (UTC)": dead_letter.sent_at.removesuffix("+00:00"),
        "events": f"{dead_letter.events:,}",
        "event ids": ids,
        "bytes in SQS": f"{dead_letter.size:,}",
        "whole body at": dead_letter.key,
    }
    for name, value in rows.items():
        if value is not None and value != "":
            table.add_row(name, safe(str(value)))
    return table


def outcome(done: Redriven, *, dry: bool) -> Iterator[str]:
    """What a redrive did, or would do."""
    count = done.sent.total()
    verb = "would go back" if dry else "went back"
    dead_letters, events = counted(count, "dead letter"), counted(done.events, "event")
    yield f"{dead_letters} ({events}) {verb} to the main queue"
    for reason, number in done.sent.most_common():
        yield f"  {reason}: {number:,}"
    if done.stored_already:
        told = counted(
            done.stored_already,
            "dead letter only tells of a damaged pack",
            "dead letters only tell of damaged packs",
        )
        yield f"{told} whose readable events are rows already: they stay unless --reason or an ID names them"
    for name, why in list(done.stays.items())[:_STAYING_NAMED]:
        yield f"stays: {name}: {why}"
    if len(done.stays) > _STAYING_NAMED:
        yield f"… and {counted(len(done.stays) - _STAYING_NAMED, 'more stays', 'more stay')}"
    for name in done.undeleted:
        yield f"sent, but the dead letter could not be deleted: {name}: redriving it again makes a duplicate"
    if done.unseen:
        held = counted(
            done.unseen,
            "dead letter is held by somebody else and stays",
            "dead letters are held by somebody else and stay",
        )
        yield held
    if dry and count:
        yield "nothing was sent: add --yes"


def safe(text: str) -> Text:
    """Text from outside, without markup and without control characters."""
    return Text("".join(c if c.isprintable() else " " for c in text))
