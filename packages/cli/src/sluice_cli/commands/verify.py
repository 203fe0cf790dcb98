"""`sluice verify`: ids in against ids out."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from sluice_core.aws.s3 import BucketLike
from sluice_core.errors import ConfigError, PermanentError
from sluice_core.lake.folder import RunFolder
from sluice_core.lake.told import Telling
from sluice_core.wire.id_rule import Rule, parse_rule

from sluice_cli.lake.installed import (
    is_installed,
    lake_folder,
    must_have_no_table,
    no_table,
    table_module,
)
from sluice_cli.output import told
from sluice_cli.target import Target
from sluice_cli.verify import verdict as verify
from sluice_cli.verify.evidence import dead_letters_of, told_by_run
from sluice_cli.verify.expected_ids import read_expected
from sluice_cli.verify.report import show

app = typer.Typer(add_completion=False)


@app.command()
def main(
    *,
    where: Annotated[
        str | None,
        typer.Argument(
            help="s3://bucket/prefix or a directory; the folder of a run brings its ledgers and dead letters along. Default: SLUICE_BUCKET and SLUICE_PREFIX."
        ),
    ] = None,
    source_ids: Annotated[
        Path | None,
        typer.Option(
            help="What the source gave: events (NDJSON), plain ids, or the ledger of `serve-events`."
        ),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="The producer's ledger (SLUICE_LEDGER).")
    ] = None,
    dlq: Annotated[
        bool | None,
        typer.Option(
            "--dlq/--no-dlq",
            help="Read the dead-letter queue, which keeps all. Default: yes, unless a directory is verified; of the folder of a run its file of dead letters.",
        ),
    ] = None,
    queue: Annotated[
        bool,
        typer.Option(
            "--queue/--no-queue",
            help="Read the main queue, too: what is still in it is pending, not lost. Batchers wait meanwhile.",
        ),
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for messages that others hold.")
    ] = 10.0,
    id_column: Annotated[
        str, typer.Option(help="The column that holds the event's id.")
    ] = "event_id",
    lake: Annotated[
        bool | None,
        typer.Option(
            "--lake/--no-lake",
            help="Count the lake's table, too. Default: yes, where there is one.",
        ),
    ] = None,
    event_id: Annotated[
        str,
        typer.Option(
            envvar="SLUICE_EVENT_ID",
            help="In raw objects, where the event's id is; as SLUICE_EVENT_ID, which is taken.",
        ),
    ] = "meta.id",
    samples: Annotated[int, typer.Option(min=0, help="Ids to name of each kind.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Account for every event: lost, duplicated, dead-lettered, pending, unexpected.

    With a lake's table each event must be there once: in the table, or in a raw object that waits for it. Exit
    code: 0 nothing lost, 1 something lost, an object damaged or an event twice in the table, 2 the account could not be made, or cannot
    rule a loss out (ids shared by events that differ, no column of ids, no objects).
    """
    with told(code=2):
        rule = _rule(event_id)
        local = where is not None and not where.startswith("s3://")
        if local and not Path(str(where)).exists():
            raise PermanentError(f"{where} does not exist: name a directory or s3://bucket/prefix")
        run = RunFolder.at(Path(str(where))) if local else None
        given, sent = _expected(source_ids, ledger, run)
        remote = Target.of_environment() if dlq or queue or not local else None
        # An event only moves forward: source, queue, then object or dead letter. Read in that order, nothing
        # that moves while we look can be missed.
        queued = dead_letters = None
        if remote is not None and queue:
            queued = verify.read_messages(remote.queue, remote.bucket, patience=wait)
        if remote is not None and (dlq or (dlq is None and not local)):
            dead_letters = verify.read_messages(remote.dlq, remote.bucket, patience=wait)
        elif run is not None and dlq is None:
            dead_letters = dead_letters_of(run)
        place = where or (remote.where if remote else "")
        bucket = None if local or remote is None else remote.bucket_of(place)
        # Raw objects first, then the table: a row moves from there to here, and never back.
        folder = lake_folder(Path(place)) if local else None
        table_there = lake is not False and (
            folder is not None if local else _may_have_table(bucket, lake)
        )
        objects = verify.read_objects(place, bucket, id_column, rule, may_move=table_there)
        table = table_module().read_ids(place, folder, id_column) if table_there else None
        if lake and table is None:
            raise (
                no_table(place)
                if local
                else PermanentError("there is no table yet: `sluice compact` makes it")
            )
        verdict = verify.judge(
            objects,
            source=given,
            ledger=sent,
            dead_letters=dead_letters,
            queued=queued,
            table=table,
            samples=samples,
        )
    if json:
        typer.echo(orjson.dumps(verdict.to_dict(), option=orjson.OPT_INDENT_2))
    else:
        show(verdict, Console())
    if verdict.exit_code:
        raise typer.Exit(verdict.exit_code)


def _expected(
    source_ids: Path | None, ledger: Path | None, run: RunFolder | None
) -> tuple[Telling | None, Telling | None]:
    """What the source gave and what the producer sent: as the command line says, else as the run's folder does."""
    if run is not None and source_ids is None and ledger is None:
        return told_by_run(run)
    return (
        read_expected(source_ids) if source_ids else None,
        read_expected(ledger) if ledger else None,
    )


def _may_have_table(bucket: BucketLike | None, asked: bool | None) -> bool:
    """Whether a table is to be looked for; without the libraries there must be none, unless it is asked for."""
    if bucket is not None and not asked and not is_installed():
        must_have_no_table(bucket)
        return False
    return True


def _rule(text: str) -> Rule:
    try:
        return parse_rule(text)
    except ValueError as error:
        raise ConfigError(f"--event-id {text}: {error}") from error
