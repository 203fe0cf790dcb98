"""Where a connection starts: `since` and Last-Event-ID.

The rules are EventStreams' (https://wikitech.wikimedia.org/wiki/Event_Platform/EventStreams_HTTP_Service):
an id is a JSON array with an entry per topic and partition, `timestamp` or `offset`; resuming by a
timestamp asks Kafka for the first offset whose timestamp is not before it; an entry with both keys
matches neither form and is dropped.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sluice_local.events import TOPICS, EventStream


class BadPositionError(ValueError):
    """The position that the client asks for is malformed or too old: EventStreams answers 400."""


@dataclass(frozen=True)
class Asked:
    """Per topic the timestamp (epoch ms) or the offset that the client asked for; else the end."""

    timestamps: Mapping[str, int]
    offsets: Mapping[str, int]

    @property
    def oldest(self) -> int | None:
        """The oldest timestamp asked for, in epoch milliseconds."""
        return min(self.timestamps.values(), default=None)


def asked(last_event_id: str | None, since: str | None) -> Asked:
    """What the request asks for; Last-Event-ID wins over `since`. Raises BadPositionError."""
    if last_event_id:
        return _from_last_event_id(last_event_id)
    if since:
        return Asked(dict.fromkeys(TOPICS, parse_time(since)), {})
    return Asked({}, {})


def parse_time(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 time (UTC when it names no zone) or of epoch milliseconds."""
    if text.isdigit():
        return int(text)
    try:
        # A `+` of a zone arrives as a space when the client did not escape it.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+" if "T" in text else "T"))
    except ValueError as error:
        raise BadPositionError(f"since={text!r} is neither ISO 8601 nor milliseconds") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def starts(stream: EventStream, wanted: Asked, live: int, end: int | None) -> dict[str, int]:
    """Per topic the number of the first event to send; `live` is the number of the next new event."""
    found = dict.fromkeys(TOPICS, live)
    for topic, timestamp in wanted.timestamps.items():
        if topic in found:
            found[topic] = stream.first_at(timestamp, topic, end)
    for topic, offset in wanted.offsets.items():
        # -1 is Kafka's "latest"; a topic never read so far has nothing old to offer.
        if topic in found and offset >= 0:
            found[topic] = stream.number(topic, offset)
    return found


def _from_last_event_id(text: str) -> Asked:
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise BadPositionError(f"Last-Event-ID is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise BadPositionError("Last-Event-ID is not an array")
    timestamps: dict[str, int] = {}
    offsets: dict[str, int] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("topic"), str):
            raise BadPositionError("Last-Event-ID has an entry without a topic")
        has_time, has_offset = (isinstance(entry.get(k), int) for k in ("timestamp", "offset"))
        if has_time and not has_offset:
            timestamps[entry["topic"]] = entry["timestamp"]
        elif has_offset and not has_time:
            offsets[entry["topic"]] = entry["offset"]
    return Asked(timestamps, offsets)
