"""What the folder of a run tells of its events by itself: what its source gave, what its producer sent, its dead letters.

`sluice run` leaves them beside the objects, so that its account can be made again when LocalStack is gone.
"""

import json
from pathlib import Path
from typing import Final

from sluice_core.aws.sqs import Received
from sluice_core.deadletter import A_ESCAPED, DeadLetter
from sluice_core.errors import ConfigError, os_reason
from sluice_core.lake.folder import RunFolder
from sluice_core.lake.told import Telling

from sluice_cli.verify.expected_ids import read_expected
from sluice_cli.verify.verdict import Messages

LEDGER: Final = "ledger.ndjson"
SOURCE: Final = "source.ndjson"
DEAD_LETTERS: Final = "dead-letters.ndjson"


def told_by_run(run: RunFolder) -> tuple[Telling | None, Telling | None]:
    """What the built-in source gave, and what the producer told; None where a run has left no such file."""
    source, ledger = (run.internal(name) for name in (SOURCE, LEDGER))
    return (
        None if source is None else read_expected(source),
        None if ledger is None else read_expected(ledger),
    )


def dead_letters_of(run: RunFolder) -> Messages | None:
    """The run's dead letters; None where it has written none down. Raises ConfigError."""
    path = run.internal(DEAD_LETTERS)
    if path is None:
        return None
    found = Messages()
    for dead_letter in _read(path):
        found.add(_message(dead_letter), run)
    return found


def _read(path: Path) -> list[DeadLetter]:
    try:
        return [DeadLetter(**json.loads(line)) for line in path.read_text().splitlines()]
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {os_reason(error)}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path} has a line that is no dead letter: {error}") from error


def _message(dead_letter: DeadLetter) -> Received:
    """The message that it was; what was escaped once stays so."""
    message = dead_letter.to_message()
    attributes = {name: str(value) for name, value in message.attributes.items()}
    if dead_letter.escaped:
        attributes[A_ESCAPED] = "1"
    return Received("", "", message.body, attributes)
