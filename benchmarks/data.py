"""The events of a benchmark: Sluice's own generated recent changes, each with a number of its own.

Files in a folder: `plain` (an event a line), `packed` (an SQS message's body and attributes as JSON, a line a
pack of `PACK` events). Every contender reads the same ones.
"""

import json
from pathlib import Path
from typing import Any, Final

from sluice_core import wire
from sluice_local.events import EventStream

PACK: Final = 250
"""Events in a pack: some 60 kB after base64, what 64 KiB hold."""
FIRST_ID: Final = 2_500_000_000
_START_MS: Final = 1_790_000_000_000
_SOURCE: Final = "stream.wikimedia.org/v2/stream/recentchange"


def make(folder: Path, count: int, size: int = 0, pack: int = PACK) -> None:
    """Writes `count` events, none of them a canary; with `size`, each has about so many bytes.

    What is there already is kept: the events depend on nothing else.
    """
    mark = folder / f"made-{count}-{size}-{pack}"
    if mark.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.glob("made-*"):
        other.unlink()  # what it tells of is overwritten
    events = [_event(number, size) for number in range(count)]
    (folder / "plain").write_bytes(b"\n".join(events) + b"\n")
    with (folder / "packed").open("w") as packs:
        for start in range(0, count, pack):
            part = events[start : start + pack]
            ids = [json.loads(event)["meta"]["id"] for event in (part[0], part[-1])]
            message = wire.encode_pack(
                part, source=_SOURCE, ids=[ids[0], *[""] * (len(part) - 2), ids[1]][: len(part)]
            )
            packs.write(
                json.dumps({"body": message.body, "attributes": _told(message.attributes)}) + "\n"
            )
    mark.touch()


_STREAM: Final = EventStream(7, _START_MS, 25.0)


def _event(number: int, size: int) -> bytes:
    # Every 601st event of the stream is a canary; the others are numbered without gaps.
    event: dict[str, Any] = json.loads(_STREAM.event(number + number // 600))
    event["id"] = FIRST_ID + number
    text = _json(event)
    if size > len(text):
        event["comment"] = event.get("comment", "") + "".join(
            f" {(number * 7919 + n) % 99_991}" for n in range((size - len(text)) // 6)
        )
    elif size:
        for field in ("parsedcomment", "comment", "title_url", "notify_url", "log_params"):
            event.pop(field, None)
        event["meta"] = {name: event["meta"][name] for name in ("id", "dt", "domain")}
    return _json(event)


def _json(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _told(attributes: Any) -> dict[str, dict[str, str]]:
    return {
        name: {
            "DataType": "Number" if isinstance(value, int) else "String",
            "StringValue": str(value),
        }
        for name, value in attributes.items()
    }
