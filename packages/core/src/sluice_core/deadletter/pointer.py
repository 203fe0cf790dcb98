"""A dead letter too large for SQS, as it tells of itself: where its body stands, in the message's own body.

AWS's redrive (StartMessageMoveTask), a console or another tool may bring a dead letter back without its attributes.
The body always comes along, so that a dead letter whose event stands in the bucket has the key there, too, and beside
it what a reader needs besides: codec, ids, source, reason. The sum tells that the object is the one that was
meant, so that nobody's event can be taken for a pointer to something else.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sluice_core.aws.s3 import ReadableLike
from sluice_core.aws.sqs import Received
from sluice_core.errors import DeadLetterError, NotFoundError
from sluice_core.keys import INTERNAL_PREFIX
from sluice_core.reasons import BAD_UTF8, BODY_GONE

A_DEAD_KEY: Final = "sluice-dead-key"
MARK: Final = "sluice-dead-letter"
VERSION: Final = 1
_PREFIX: Final = "sluice-"
_KEY: Final = re.compile(re.escape(f"{INTERNAL_PREFIX}dead/") + r"[0-9a-f-]{36}")
_SUM: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pointer:
    """Where a dead letter's body stands: `key` in the bucket, its SHA-256, and the dead letter's attributes as text."""

    key: str
    sha256: str
    attributes: Mapping[str, str]


def pointer_body(key: str, body: bytes, attributes: Mapping[str, str | int]) -> str:
    """The message's body for a dead letter whose `body` stands under `key`: one JSON object, in ASCII."""
    return json.dumps(
        {
            MARK: VERSION,
            "note": f"{len(body)} bytes are too large for SQS: the whole stands in the bucket under this key",
            "key": key,
            "sha256": hashlib.sha256(body).hexdigest(),
            "attributes": {name: str(value) for name, value in attributes.items()},
        }
    )


def read_pointer(text: str) -> Pointer | None:
    """The pointer that a message's body is; None for anything else."""
    if MARK not in text[:100]:
        return None
    try:
        found: Any = json.loads(text)
        key, total, told = found["key"], found["sha256"], found["attributes"]
        whole = found[MARK] == VERSION and _KEY.fullmatch(key) and _SUM.fullmatch(total)
        attributes = {
            name: value
            for name, value in told.items()
            if name.startswith(_PREFIX) and isinstance(value, str)
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # an event that only looks like one
    return Pointer(key, total, attributes) if whole else None


def restored(message: Received) -> Received:
    """`message` with the attributes that it has lost on the way, where its body tells them; else as it is."""
    pointer = read_pointer(message.body)
    if pointer is None or any(name.startswith(_PREFIX) for name in message.attributes):
        return message
    return message._replace(
        attributes={**message.attributes, **pointer.attributes, A_DEAD_KEY: pointer.key},
    )


def whole_body(bucket: ReadableLike, message: Received) -> str:
    """The body that `message` (restored) means: its own, or the one in the bucket under its key.

    Raises DeadLetterError (`body-gone`: no object, or another one; `bad-utf8`) and TemporaryError,
    AccessDeniedError as `ReadableLike.get`.
    """
    key = message.attributes.get(A_DEAD_KEY)
    if key is None:
        return message.body
    if _KEY.fullmatch(key) is None:
        raise DeadLetterError(BODY_GONE, f"its {A_DEAD_KEY} is no dead letter's key")
    try:
        body = bucket.get(key).body
    except NotFoundError as error:
        raise DeadLetterError(BODY_GONE, f"its body is gone from the bucket: {key}") from error
    pointer = read_pointer(message.body)
    if pointer is not None and hashlib.sha256(body).hexdigest() != pointer.sha256:
        raise DeadLetterError(BODY_GONE, f"its body is gone from the bucket: {key} holds another")
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise DeadLetterError(BAD_UTF8, f"its body is no text: {key}") from error
