"""A heartbeat: a message without events that goes the way of all others, to be timed and never to be a row.

On the wire it is an empty pack with one attribute more, the time it was made. So a batcher that knows no heartbeats
finds nothing to write in it and deletes it: either side can be upgraded first. It is no mark (`sluice-mark`), because
a mark is written into the metadata of objects, and a heartbeat leaves no trace in the data.
"""

import base64
import hashlib
import math
from collections.abc import Mapping
from typing import Final

import zstandard

from sluice_core.aws.messages import OutMessage
from sluice_core.wire.codec import (
    A_CODEC,
    A_COUNT,
    A_PACK_ID,
    A_SOURCE,
    CODEC,
    Decoded,
    attribute_text,
)

A_HEARTBEAT: Final = "sluice-heartbeat"
"""When it was made, in epoch seconds with milliseconds, by its producer's clock."""
_BODY: Final = base64.b64encode(zstandard.ZstdCompressor().compress(b"")).decode()


def encode_heartbeat(source: str, at: float) -> OutMessage:
    """The heartbeat that `source` makes at `at` (epoch seconds)."""
    return OutMessage(
        _BODY,
        {
            A_CODEC: CODEC,
            A_COUNT: 0,
            A_PACK_ID: hashlib.sha256(b"").hexdigest(),
            A_SOURCE: attribute_text(source),
            A_HEARTBEAT: f"{at:.3f}",
        },
    )


def heartbeat_time(attributes: Mapping[str, str], decoded: Decoded) -> float | None:
    """When a heartbeat was made (epoch seconds); None for any other message.

    A message that holds an event is never one, whatever its attributes say.
    """
    text = attributes.get(A_HEARTBEAT)
    if text is None or decoded.events or decoded.problems:
        return None
    try:
        at = float(text)
    except ValueError:
        return None
    return at if math.isfinite(at) and at > 0 else None
