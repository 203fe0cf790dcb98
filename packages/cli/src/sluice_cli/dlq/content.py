"""What a message in the queue or in the dead-letter queue holds: its events, by id where that can be told.

The ids of an event that has no `meta.id` are a guess: candidates, likeliest first. The account takes the
first one that the source knows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sluice_core import wire
from sluice_core.aws.s3 import ReadableLike
from sluice_core.aws.sqs import Received
from sluice_core.deadletter import A_ESCAPED
from sluice_core.deadletter.pointer import A_DEAD_KEY, restored, whole_body
from sluice_core.errors import DeadLetterError, UnknownCodecError
from sluice_core.wire.event_id import digest, parsed_id

MAX_UNPACKED: Final = 2**30
"""What a pack may unpack to here: far more than the services allow, as this process may fail."""

_ESCAPES = re.compile(r"\\u([0-9a-f]{4})")


@dataclass(frozen=True)
class Content:
    """A message's events.

    `events`: the candidates of each event's id. `unreadable`: further events that the message says it
    holds, or held, and whose ids nobody can tell.
    """

    events: list[tuple[str, ...]]
    unreadable: int = 0

    @property
    def count(self) -> int:
        """All events, readable or not."""
        return len(self.events) + self.unreadable


def content(message: Received, bucket: ReadableLike | None) -> Content:
    """The events of `message`; a body that is too large for SQS comes from `bucket` (None: it is not read)."""
    message = restored(message)
    attributes = message.attributes
    if A_DEAD_KEY in attributes and bucket is None:
        return _by_name(attributes)
    try:
        body = message.body if bucket is None else whole_body(bucket, message)
    except DeadLetterError:
        return _by_name(attributes)
    if wire.is_packed(body, attributes):
        return _pack(body, attributes)
    return Content([_candidates(body, attributes)])


def _pack(body: str, attributes: Mapping[str, str]) -> Content:
    try:
        decoded = wire.decode(body, attributes, max_unpacked_bytes=MAX_UNPACKED)
    except (DeadLetterError, UnknownCodecError):
        return _by_name(attributes)
    ids: Sequence[str | None] = decoded.ids or [None] * len(decoded.events)
    events = [_names(event, known) for event, known in zip(decoded.events, ids, strict=True)]
    return Content(events, max(0, _count(attributes) - len(events)))


def _by_name(attributes: Mapping[str, str]) -> Content:
    """For what cannot be read: the ids that the attributes name, and how many events there are beside."""
    named = [attributes.get(name) for name in (wire.A_FIRST_ID, wire.A_LAST_ID)]
    known = list(dict.fromkeys(name for name in named if name and name != "-"))
    total = max(_count(attributes), 1)
    return Content([(name,) for name in known[:total]], max(0, total - len(known)))


def _count(attributes: Mapping[str, str]) -> int:
    text = attributes.get(wire.A_COUNT, "")
    # A stranger's attribute may say anything; a pack of more lines than this does not fit into a message.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _candidates(body: str, attributes: Mapping[str, str]) -> tuple[str, ...]:
    names = list(_names(body.encode("utf-8", "surrogatepass"), _carried(body, attributes)))
    if attributes.get(A_ESCAPED) == "1":
        raw = _ESCAPES.sub(lambda match: chr(int(match[1], 16)), body)
        names.append(digest(raw.encode("utf-8", "surrogatepass")))
    return tuple(names)


def _carried(body: str, attributes: Mapping[str, str]) -> str | None:
    """The id that travels with a lone event; what an old writer may have changed on its way is better than none."""
    try:
        told = wire.decode(body, attributes, max_unpacked_bytes=MAX_UNPACKED).ids
    except DeadLetterError:
        told = None
    return told[0] if told else attributes.get(wire.A_FIRST_ID)


def _names(event: bytes, carried: str | None) -> tuple[str, ...]:
    names = (None if carried == "-" else carried, parsed_id(event), digest(event))
    return tuple(dict.fromkeys(name for name in names if name))
