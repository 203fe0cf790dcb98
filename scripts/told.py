"""Pages of the reference whose text stands beside the code: dead letters' reasons, exit codes, the command's commands."""

from importlib import import_module
from typing import Final

import typer
from sluice_cli.main import _Commands
from sluice_core import exit_codes, reasons

REASONS_HEAD: Final = """# Reasons of dead letters
The code in a dead letter's `sluice-reason`, as `sluice dlq ls` and the metrics' label `reason` name it (`sluice_producer_events_dead_lettered_total`, `sluice_batcher_poison_records_total`). `sluice dlq show ID` tells its `detail`. How to look, and how to send them back: [dead letters](../how-to/dead-letters.md).
"""
CODES_HEAD: Final = """# Exit codes
The same for `sluice` and for the services (`python -m sluice_producer`, `python -m sluice_batcher`, `python -m sluice_compactor`).
"""
CODES_FOOT: Final = """Messages of codes 1 and 2 are one line each on standard error (`check` and `verify` print their findings, and `run` its own, on standard output); a service's are lines of its log. With `--json` the object is on standard output, whatever the code. A process that a signal kills at once has 128 and the signal's number, from the shell.
"""
COMMANDS_HEAD: Final = """# The `sluice` command
`.venv/bin/sluice` in a clone; in a cluster from [a pod of its own](../how-to/toolbox.md). `sluice COMMAND --help` has each command's options. Where the queue and the bucket are is said by [settings](settings.md) in the environment, as for the services; what each ends with: [exit codes](exit-codes.md).
"""
_MORE: Final = {
    "run": "[tutorial](../tutorial.md), [its page](../how-to/page.md)",
    "verify": "[the account](../explanation/accounting.md)",
    "read": "[reading the objects](../how-to/read.md)",
    "compact": "[the lake](../lake.md)",
    "lake": "[the lake](../lake.md)",
    "dlq": "[dead letters](../how-to/dead-letters.md)",
    "check": "[AWS](../aws/README.md)",
    "generate": "–",
    "serve-events": "–",
}


def reasons_page() -> str:
    """The page of dead letters' reasons."""
    parts = [
        REASONS_HEAD,
        "| reason | made by | it means | what to do |",
        "|---|---|---|---|",
    ]
    parts += [
        f"| `{reason.code}` | {', '.join(reason.made_by)} | {reason.means} | {reason.do} |"
        for reason in reasons.TOLD
    ]
    parts.append(
        f"| `{reasons.REDRIVEN}` | SQS | It has no reason: the queue's own redrive policy has moved the message, after "
        "`maxReceiveCount` receives. A batcher died on it again and again, or handed it back. | Look at the batchers' "
        "restarts and logs first ([SluiceRestarts](../runbooks/SluiceRestarts.md)), then redrive. |"
    )
    return "\n".join([*parts, ""])


def exit_codes_page() -> str:
    """The page of exit codes."""
    parts = [CODES_HEAD, "| code | means | for instance |", "|---|---|---|"]
    parts += [
        f"| {told.code} | {told.means} | {'<br>'.join(_instance(*item) for item in told.whose.items())} |"
        for told in exit_codes.TOLD
    ]
    return "\n".join([*parts, "", CODES_FOOT])


def _instance(whose: str, when: str) -> str:
    return f"{', '.join(f'`{name}`' for name in whose.split(', '))}: {when}" if whose else when


def commands_page() -> str:
    """The page of the command line's commands."""
    parts = [COMMANDS_HEAD, "| command | | more |", "|---|---|---|"]
    for name, (module, line) in _Commands.table.items():
        app: typer.Typer = import_module(module).app
        command = typer.main.get_command(app)
        parts.append(f"| `sluice {name}` | {line} | {_MORE[name]} |")
        for sub, own in getattr(command, "commands", {}).items():
            parts.append(f"| `sluice {name} {sub}` | {own.help.partition(chr(10))[0]} | |")
    return "\n".join([*parts, ""])
