"""What stays on disk after the run: the lake's objects, the dead letters, ledgers and logs."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from sluice_cli.verify.evidence import DEAD_LETTERS
from sluice_core.aws.s3 import BucketLike
from sluice_core.aws.sqs import QueueLike, Received
from sluice_core.deadletter import DeadLetter
from sluice_core.keys import INTERNAL_PREFIX, WAREHOUSE
from sluice_core.lake.folder import METADATA

INTERNAL = INTERNAL_PREFIX.rstrip("/")


def prepare(data: Path, prefix: str) -> Path | None:
    """Makes room for a new lake in `data`; gives where an earlier one was moved to, if there was one.

    Nothing is deleted: rows of two runs in one directory would only make the new account wrong.
    """
    data.mkdir(parents=True, exist_ok=True)
    old = [data / name for name in (prefix, INTERNAL, WAREHOUSE) if (data / name).exists()]
    moved = None
    if old:
        made = time.gmtime(max(path.stat().st_mtime for path in old))
        moved = data / "earlier" / time.strftime("%Y%m%dT%H%M%SZ", made)
        while moved.exists():
            moved = moved.with_name(moved.name + "-1")
        for path in old:
            target = moved / path.relative_to(data)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    (data / INTERNAL).mkdir()
    return moved


def copy_objects(
    bucket: BucketLike, data: Path, told: Callable[[Mapping[str, str]], None] = lambda _: None
) -> int:
    """Copies every object below `data` and gives their number; checkpoints are not worth keeping.

    `told` hears each one's metadata, for which a file has no place.
    """
    count = 0
    metadata: dict[str, Mapping[str, str]] = {}
    for stored in bucket.list():
        if stored.key.startswith(f"{INTERNAL_PREFIX}checkpoint/"):
            continue
        target = data / stored.key
        if not target.resolve().is_relative_to(data.resolve()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        found = bucket.get(stored.key)
        told(found.metadata)
        metadata[stored.key] = dict(found.metadata)
        part.write_bytes(found.body)
        os.replace(part, target)  # noqa: PTH105 - one call for "whole or not at all"
        count += 1
    (data / INTERNAL).mkdir(exist_ok=True, parents=True)
    (data / METADATA).write_text(json.dumps(metadata))
    return count


def take_messages(queue: QueueLike) -> Iterator[Received]:
    """Empties the dead-letter queue."""
    while messages := queue.receive(wait_seconds=0, visibility=600):
        yield from messages
        queue.delete([message.receipt_handle for message in messages])


def write_dead_letters(messages: Sequence[Received], data: Path) -> Path:
    """Writes them as one JSON object a line."""
    path = data / INTERNAL / DEAD_LETTERS
    dead_letters = [DeadLetter.from_message(message) for message in messages]
    lines = [
        json.dumps(asdict(dead_letter), ensure_ascii=True) + "\n" for dead_letter in dead_letters
    ]
    path.write_text("".join(lines))
    return path
