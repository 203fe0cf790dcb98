"""`sluice dlq`: look into the dead-letter queue, and send messages back."""

from typing import Annotated

import orjson
import typer
from rich.console import Console
from sluice_core.errors import ConfigError
from sluice_core.exit_codes import FAILED

from sluice_cli.dlq.redrive import Choice, Redrive
from sluice_cli.dlq.report import listing, outcome, single, summary
from sluice_cli.dlq.view import find, known_reason, look
from sluice_cli.output import counted, told
from sluice_cli.target import Target

app = typer.Typer(no_args_is_help=True, add_completion=False)

Reason = Annotated[
    str | None, typer.Option(help="Only dead letters of this reason (as `dlq ls` names them).")
]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for dead letters that others hold.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _dlq() -> None:
    """Look into the dead-letter queue, and send messages back. Reading takes nothing away."""


@app.command("ls")
def ls(
    reason: Reason = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Dead letters to name; reasons count all.")
    ] = 20,
    wait: Wait = 10.0,
    json: Json = False,
) -> None:
    """Reasons with their counts, and the dead letters."""
    with told():
        known_reason(reason)
        target = Target.of_environment()
        found = look(target.dlq, target.bucket, reason=reason, limit=limit, patience=wait)
    if json:
        typer.echo(orjson.dumps(found.to_dict(), option=orjson.OPT_INDENT_2))
        return
    console = Console()
    console.print(summary(found, target.dlq.name))
    if found.dead_letters:
        console.print(listing(found))
    if found.unseen:
        held = counted(found.unseen, "dead letter is", "dead letters are")
        typer.echo(f"{held} held by somebody else and not counted here")


@app.command("show")
def show(
    message_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A message id of `dlq ls`, or its beginning, of one dead letter."
        ),
    ],
    body: Annotated[
        bool, typer.Option("--body", help="The body, too: it may hold anything the source sent.")
    ] = False,
    wait: Wait = 10.0,
    json: Json = False,
) -> None:
    """One dead letter: reason, detail, where it comes from; its body only when asked for."""
    with told():
        target = Target.of_environment()
        found = find(target.dlq, target.bucket, message_id, body=body, patience=wait)
    if json:
        typer.echo(orjson.dumps(found.to_dict(), option=orjson.OPT_INDENT_2))
    else:
        Console().print(single(found))
        if found.body is not None:
            typer.echo(found.body)


@app.command("redrive")
def redrive(
    message_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="A message id of `dlq ls`, or its beginning, of one dead letter. Default: all dead letters.",
        ),
    ] = None,
    *,
    reason: Reason = None,
    begins: Annotated[
        str | None, typer.Option("--id", help="All dead letters whose message id begins so.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many dead letters.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without: only tell.")] = False,
    wait: Wait = 10.0,
    json: Json = False,
) -> None:
    """Send one dead letter, or all, back to the main queue: whole messages as they were, events one by one.

    Remove the reason first (a limit, a hook, a version): what is still wrong comes back. Each dead letter is deleted
    only after the main queue has accepted it.
    """
    with told():
        known_reason(reason)
        if message_id is not None and (reason is not None or begins is not None):
            raise ConfigError("a message id names one dead letter: leave --reason and --id out")
        target = Target.of_environment()
        console = Console(stderr=True)
        with console.status("reading the dead-letter queue …") as status:
            if message_id is not None:
                # As in `show`: none and several are errors.
                begins = find(
                    target.dlq, target.bucket, message_id, body=False, patience=wait
                ).message_id
            work = Redrive(
                target.dlq,
                target.queue,
                target.bucket,
                dry=not yes,
                patience=wait,
                tell=status.update,
            )
            done = work.run(Choice(reason, begins, limit))
    if json:
        typer.echo(orjson.dumps(done.to_dict(dry=not yes), option=orjson.OPT_INDENT_2))
    else:
        for line in outcome(done, dry=not yes):
            typer.echo(line)
    if done.stays or done.undeleted:
        raise typer.Exit(FAILED)
