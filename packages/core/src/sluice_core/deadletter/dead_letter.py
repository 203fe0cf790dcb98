"""Dead letters: what could not become a row, as it came, with the reason.

A dead letter is an SQS message: its body is the event or the message as it came (escaped where SQS forbids a
character), its attributes tell why, where from and where in the pack. A body too large for SQS stands whole
in the bucket under `_sluice/dead/`, its key in `sluice-dead-key` and in the message's own body (`dead_pointer`).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sluice_core import wire
from sluice_core.aws.messages import OutMessage, allowed, escape
from sluice_core.aws.s3 import BucketLike
from sluice_core.aws.sqs import QueueLike, Received, chunked
from sluice_core.deadletter.pointer import A_DEAD_KEY, pointer_body, restored
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.keys import dead_key
from sluice_core.limits import SQS_MAX_ATTRIBUTES, SQS_MAX_BYTES
from sluice_core.reasons import REDRIVEN
from sluice_core.service.clock import Clock, SystemClock
from sluice_core.service.retry import Backoff, retry_forever
from sluice_core.service.stop import Stop

A_REASON: Final = "sluice-reason"
A_DETAIL: Final = "sluice-detail"
A_POSITION: Final = "sluice-position"
A_ESCAPED: Final = "sluice-escaped"
_DETAIL_MAX_CHARS: Final = 500
_BLOB_MAX_BYTES: Final = 256 * 1024
"""A stranger's attribute may fill a message alone: then there is no room for it beside the reason."""
_KEPT: Final = (
    wire.A_CODEC,
    wire.A_COUNT,
    wire.A_FIRST_ID,
    wire.A_LAST_ID,
    wire.A_EVENT_TYPE,
    wire.A_SSE_ID,
)
_BLOBS: Final = (wire.A_IDS, wire.A_BESIDE)
_GO_FIRST: Final = (wire.A_LAST_ID, A_POSITION, wire.A_FIRST_ID)
"""What a dead letter leaves out, in this order, when it would have more attributes than SQS takes: what is for people
only. The last goes only from a whole pack's dead letter, whose events' ids are in it."""


@dataclass(frozen=True)
class DeadLetter:
    """One thing that could not be processed.

    `body`: the event or the message's body as it came. `reason`: one of `sluice_core.reasons`. `detail`: for
    people, without event content. `position`: the line in the pack, from 0. `original`: the wire attributes
    that a redrive needs to send it again (of a message: codec, count, ids; of an event: id, type, SSE id).
    `key`: where the whole body stands in the bucket, when it was too large for SQS. `escaped`: the body
    has characters written as JSON escapes because SQS forbids them raw.
    """

    body: str
    reason: str
    detail: str
    source: str | None = None
    pack_id: str | None = None
    position: int | None = None
    original: dict[str, str] = field(default_factory=dict)
    key: str | None = None
    escaped: bool = False

    def to_message(self) -> OutMessage:
        """The dead letter as an SQS message."""
        attributes: dict[str, str | int] = {
            A_REASON: self.reason,
            A_DETAIL: wire.attribute_text(self.detail, _DETAIL_MAX_CHARS),
        }
        if self.source:
            attributes[wire.A_SOURCE] = wire.attribute_text(self.source)
        if self.pack_id:
            attributes[wire.A_PACK_ID] = wire.attribute_text(self.pack_id)
        if self.position is not None:
            attributes[A_POSITION] = self.position
        attributes.update(self._kept())
        if self.key:
            attributes[A_DEAD_KEY] = self.key
        if not allowed(self.body):
            attributes[A_ESCAPED] = 1
        for name in _GO_FIRST:
            if len(attributes) > SQS_MAX_ATTRIBUTES:
                attributes.pop(name, None)
        return OutMessage(escape(self.body) or " ", attributes)

    def _kept(self) -> dict[str, str]:
        kept = {
            name: wire.attribute_text(self.original[name])
            for name in _KEPT
            if self.original.get(name)
        }
        for name in _BLOBS:
            blob = self.original.get(name, "")
            if blob.isascii() and 0 < len(blob) <= _BLOB_MAX_BYTES:
                kept[name] = blob
        return kept

    @classmethod
    def from_message(cls, message: Received) -> "DeadLetter":
        """The dead letter that a received message is; one that only the redrive policy moved has reason `redriven`."""
        message = restored(message)
        get = message.attributes.get
        position = get(A_POSITION)
        return cls(
            body=message.body,
            reason=get(A_REASON) or REDRIVEN,
            detail=get(A_DETAIL)
            or f"received {message.receive_count} times; moved by the queue's redrive policy",
            source=get(wire.A_SOURCE),
            pack_id=get(wire.A_PACK_ID),
            position=int(position) if position is not None and position.isdecimal() else None,
            original={
                name: message.attributes[name]
                for name in (*_KEPT, *_BLOBS)
                if name in message.attributes
            },
            key=get(A_DEAD_KEY),
            escaped=get(A_ESCAPED) == "1",
        )


def event_dead_letter(
    event: bytes,
    reason: str,
    detail: str,
    *,
    source: str | None,
    pack_id: str | None,
    position: int,
    attributes: dict[str, str],
) -> DeadLetter:
    """The dead letter of a single event; bytes that are no UTF-8 are written as `\\xff`.

    `attributes`: what travels with the event, as with a plain message (`wire.event_attributes`).
    """
    return DeadLetter(
        body=event.decode("utf-8", "backslashreplace"),
        reason=reason,
        detail=detail,
        source=source,
        pack_id=pack_id,
        position=position if pack_id is not None else None,
        original=attributes,
    )


class DeadLetters:
    """Sends dead letters and does not come back before the queue has them.

    `on_error` gets each failure (`error`, seconds until the next try), for logs and metrics.
    """

    def __init__(
        self,
        queue: QueueLike,
        bucket: BucketLike,
        *,
        stop: Stop,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        on_error: Callable[[TemporaryError, float], None] | None = None,
        max_message_bytes: int = SQS_MAX_BYTES,
    ) -> None:
        self._queue = queue
        self._bucket = bucket
        self._stop = stop
        self._clock = clock or SystemClock()
        self._rng = rng
        self._on_error = on_error
        self._max = min(max_message_bytes, SQS_MAX_BYTES)

    def send(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Sends all dead letters; returns when SQS accepted each. Raises retry.Stopped when the stop is forced.

        Retries for ever while SQS or S3 are away. Raises PermanentError when SQS refuses a dead letter for good.
        """
        for part in chunked([self._message(dead_letter) for dead_letter in dead_letters]):
            self._deliver(part)

    def _message(self, dead_letter: DeadLetter) -> OutMessage:
        message = dead_letter.to_message()
        if message.size <= self._max:
            return message
        key = dead_key()
        body = dead_letter.body.encode("utf-8", "surrogatepass")
        self._retry(
            lambda: self._bucket.put(
                key,
                body,
                content_type="application/octet-stream",
                metadata={"reason": dead_letter.reason},
            )
        )
        small = _pointer(dead_letter, key, body, message.attributes)
        if small.size > self._max:
            # A queue for small messages: what a whole pack has beside its lines is the one thing that may be large.
            rest = {n: v for n, v in dead_letter.original.items() if n not in _BLOBS}
            dead_letter = replace(dead_letter, original=rest)
            small = _pointer(dead_letter, key, body, dead_letter.to_message().attributes)
        return small

    def _deliver(self, part: list[OutMessage]) -> None:
        pending = part

        def attempt() -> None:
            nonlocal pending
            refused = self._queue.send(pending)
            for entry in refused:
                if entry.permanent:
                    raise PermanentError(
                        f"dead-letter queue {self._queue.name!r} refused a dead letter: {entry.code}: {entry.detail}"
                    )
            pending = [pending[entry.index] for entry in refused]
            if pending:
                raise TemporaryError(
                    f"dead-letter queue: {len(pending)} entries failed: {refused[0].code}"
                )

        self._retry(attempt)

    def _retry(self, call: Callable[[], object]) -> None:
        retry_forever(
            call,
            stop=self._stop,
            clock=self._clock,
            backoff=Backoff(rng=self._rng),
            on_error=self._on_error,
        )


def _pointer(
    dead_letter: DeadLetter, key: str, body: bytes, attributes: Mapping[str, str | int]
) -> OutMessage:
    told = {n: v for n, v in attributes.items() if n != A_ESCAPED}
    return replace(dead_letter, body=pointer_body(key, body, told), key=key).to_message()
