"""Envelopes that AWS puts around an event on its way into the queue: taken off where `SLUICE_UNWRAP` says so.

`sns`          the event is the text `Message` of a notification without raw message delivery
               (https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html); attributes that were
               published with it come along, so that a pack sent through a topic is a pack again
`eventbridge`  the event is the object `detail`
               (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html)

An event without an id of its own has the envelope's: two notifications with equal text are two events. What is
no such envelope stays as it is: an event that was sent straight to the queue is one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from sluice_core import wire
from sluice_core.wire.event_id import parsed_id

Unwrapped = tuple[str, Mapping[str, str]]


class _Attribute(msgspec.Struct):
    value: str = msgspec.field(name="Value")


class _Notification(msgspec.Struct):
    kind: str = msgspec.field(name="Type")
    message_id: str = msgspec.field(name="MessageId")
    topic: str = msgspec.field(name="TopicArn")
    message: str = msgspec.field(name="Message")
    attributes: dict[str, _Attribute] = msgspec.field(
        name="MessageAttributes", default_factory=dict
    )


class _BusEvent(msgspec.Struct):
    event_id: str = msgspec.field(name="id")
    detail_type: str = msgspec.field(name="detail-type")
    source: str
    detail: msgspec.Raw


_OBJECT: Final = ord("{")
_NOTIFICATION: Final = msgspec.json.Decoder(_Notification)
_BUS_EVENT: Final = msgspec.json.Decoder(_BusEvent)


def none(body: str, attributes: Mapping[str, str]) -> Unwrapped:
    """The message as it is."""
    return body, attributes


def sns(body: str, attributes: Mapping[str, str]) -> Unwrapped:
    """The published text and attributes of a notification; any other message as it is."""
    found = _decode(_NOTIFICATION, body, attributes)
    if found is None or found.kind != "Notification":
        return body, attributes
    published = {name: attribute.value for name, attribute in found.attributes.items()}
    return found.message, {**_id(found.message, found.message_id), **published, **attributes}


def eventbridge(body: str, attributes: Mapping[str, str]) -> Unwrapped:
    """The `detail` of an EventBridge event; any other message as it is."""
    found = _decode(_BUS_EVENT, body, attributes)
    if found is None or memoryview(found.detail)[0] != _OBJECT:
        return body, attributes
    detail = bytes(found.detail).decode()
    return detail, {**_id(detail, found.event_id), **attributes}


UNWRAP: Final[Mapping[str, Callable[[str, Mapping[str, str]], Unwrapped]]] = {
    "none": none,
    "sns": sns,
    "eventbridge": eventbridge,
}


def envelope_hint(event: bytes) -> str:
    """What an event that no column finds anything in seems to be, and what to do; empty for an unknown one."""
    text = event.decode("utf-8", "replace")
    if sns(text, {})[0] is not text:
        return "an SNS notification: SLUICE_UNWRAP=sns, or raw message delivery"
    if eventbridge(text, {})[0] is not text:
        return "an EventBridge event: SLUICE_UNWRAP=eventbridge"
    if b'"s3:TestEvent"' in event:
        return "S3's test event: nothing of yours"
    if b'"aws:s3"' in event:
        return "an S3 notification: it has no row"
    return "another source's event? its fields need columns (SLUICE_COLUMNS)"


def _id(event: str, envelope_id: str) -> dict[str, str]:
    own = parsed_id(event.encode("utf-8", "backslashreplace"))
    return {} if own else {wire.A_FIRST_ID: envelope_id}


def _decode(decoder: Any, body: str, attributes: Mapping[str, str]) -> Any:
    if wire.A_CODEC in attributes:
        return None
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
