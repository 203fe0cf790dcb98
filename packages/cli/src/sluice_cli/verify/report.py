"""The verdict for people: a table, and a line for everything that qualifies it."""

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sluice_core.settings.quantities import format_bytes

from sluice_cli.output import counted
from sluice_cli.verify.verdict import Verdict

_NAMED: Final = 5


def show(verdict: Verdict, console: Console) -> None:
    """Prints table, notes and result."""
    account = verdict.account
    table = Table(title="What became of every event", title_justify="left")
    table.add_column("")
    table.add_column("events", justify="right")
    table.add_column("for example", overflow="fold")
    samples = account.samples

    def row(name: str, count: int | None, bad: bool = False) -> None:
        text = "not known" if count is None else f"{count:,}"
        colour = "red" if bad and count else "green" if bad else ""
        examples = " ".join(samples.get(name.replace("-", "_").replace(" ", "_"), ()))
        table.add_row(name, f"[{colour}]{text}[/]" if colour else text, escape(examples))

    row("source", account.source)
    row("filtered", account.filtered)
    row("stored", account.stored)
    if account.table_rows is not None:
        row("in the table", account.table_rows)
        row("awaiting deletion", account.awaiting)
        row("table duplicates", account.table_duplicates, bad=True)
    row("duplicated", account.duplicated_ids)
    row("dead-lettered", account.dead_lettered)
    if verdict.queued is not None:
        row("pending", account.pending)
    row("unexpected", account.unexpected)
    row("lost", account.lost, bad=account.lost is not None)
    console.print(table)
    console.print(
        f"{counted(account.rows, 'row')} ({account.duplicates:,} beyond the first of their event) in "
        f"{counted(verdict.objects.count, 'object')}, {format_bytes(verdict.objects.size)}",
        highlight=False,
    )
    if verdict.table is not None:
        console.print(
            f"{counted(verdict.table.rows, 'row')} of the table in {counted(verdict.table.files, 'data file')}, "
            f"{format_bytes(verdict.table.size)}",
            highlight=False,
        )
    for line in notes(verdict):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(_result(verdict), highlight=False)


def notes(verdict: Verdict, *, doubts: bool = True) -> Iterator[str]:
    """What a reader of the numbers must know; `doubts`: with what keeps the account from being certain."""
    if verdict.account.source is None:
        yield "Loss is not known: tell what the source gave with --source-ids or --ledger."
    yield from _queues(verdict)
    yield from _source(verdict)
    if doubts:
        yield from verdict.doubts()
    yield from _objects("cannot be read", verdict.objects.unreadable)
    yield from _objects("not as it should be", verdict.objects.odd)


def _queues(verdict: Verdict) -> Iterator[str]:
    dead_letters, queued = verdict.dead_letters, verdict.queued
    if dead_letters is None:
        yield "The dead-letter queue was not read: what is in it counts as lost."
    elif dead_letters.reasons:
        counts = ", ".join(
            f"{reason} {count:,}" for reason, count in dead_letters.reasons.most_common()
        )
        yield f"Dead letters: {counted(dead_letters.count, 'message')}; events by reason: {counts}."
    for name, found in (("dead-letter queue", dead_letters), ("queue", queued)):
        if found is not None and found.unreadable:
            yield (
                f"{counted(found.unreadable, 'event stands', 'events stand')} in messages of the {name} that cannot be unpacked: "
                "their ids are not known, so the source's count as lost."
            )
        if found is not None and found.unseen:
            yield (
                f"{counted(found.unseen, f'message of the {name} is', f'messages of the {name} are')} held by somebody else: what is in them counts "
                "as lost. Try again when they are back, or with a longer --wait."
            )


def _source(verdict: Verdict) -> Iterator[str]:
    if verdict.never_sent is not None and verdict.account.lost:
        yield f"{verdict.never_sent:,} of the lost are not in the producer's ledger: they never reached the queue."
    if verdict.unread:
        ids = "at the end of the source's file"
        yield (
            f"{counted(verdict.unread, f'id {ids} is', f'ids {ids} are')} after the last one in the producer's "
            "ledger: not read yet, so not counted."
        )
    if verdict.account.dropped:
        yield (
            f"{counted(verdict.account.dropped, 'event is missing and was', 'events are missing and were')} left out by SLUICE_TRANSFORM on purpose: "
            "no loss, as far as the number tells (which ones is not recorded)."
        )
    if verdict.torn:
        yield f"{counted(verdict.torn, 'entry of the ledger was', 'entries of the ledger were')} cut off (its writer was killed): not counted."


def _objects(what: str, faults: Mapping[str, str]) -> Iterator[str]:
    for name, fault in list(faults.items())[:_NAMED]:
        yield f"Object {what}: {name}: {fault}"
    if len(faults) > _NAMED:
        yield f"… and {counted(len(faults) - _NAMED, 'more object')} {what}."


def _result(verdict: Verdict) -> str:
    lost = verdict.account.lost
    if verdict.account.table_duplicates:
        twice = counted(verdict.account.table_duplicates, "row")
        return f"[red]✗ the table has {twice} of events that it holds already[/]"
    if verdict.objects.uncounted:
        return "[red]✗ no column of event ids: cannot count[/]"
    if lost:
        return f"[red]✗ {counted(lost, 'event is', 'events are')} lost[/]"
    if verdict.exit_code == 1:
        return "[red]✗ objects are damaged[/]"
    if verdict.exit_code == 2:
        return "[red]✗ no loss is known, and this account cannot rule one out[/]"
    return "[green]✓ nothing is lost[/]" if lost == 0 else "[green]✓ all objects are whole[/]"
