"""One SQS queue, as Sluice uses it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sluice_core.aws import Aws, translated
from sluice_core.aws.errors import TEMPORARY_CODES, clean, text, understood
from sluice_core.aws.messages import OutMessage
from sluice_core.errors import AccessDeniedError, TemporaryError
from sluice_core.limits import (
    DEFAULT_RETENTION,
    SQS_BATCH_ENTRIES,
    SQS_MAX_BYTES,
    SQS_MAX_WAIT_SECONDS,
)
from sluice_core.settings.addresses import QueueAddress, parse_queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Received(NamedTuple):
    """A received message; `sent_at` is SQS's SentTimestamp in epoch seconds (stable under redelivery)."""

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, str] = MappingProxyType({})
    sent_at: float = 0.0
    receive_count: int = 1


@dataclass(frozen=True)
class RefusedEntry:
    """One entry that SQS refused: its place in the call, SQS's code, and whether trying again is useless."""

    index: int
    code: str
    detail: str
    permanent: bool


@dataclass(frozen=True)
class QueueAttributes:
    """What GetQueueAttributes tells; the counts are SQS's approximations.

    `created_at` (epoch seconds) tells a queue from another of the same name that was made later.
    """

    visible: int
    in_flight: int
    delayed: int
    visibility_timeout: int
    max_message_bytes: int
    redrive_target: str | None
    max_receive_count: int | None
    created_at: int = 0
    retention: int = DEFAULT_RETENTION
    """Seconds that SQS keeps a message: an outage of those who read the queue must be shorter."""

    @property
    def depth(self) -> int:
        """All messages that are not deleted yet."""
        return self.visible + self.in_flight + self.delayed


class QueueLike(Protocol):
    """What services ask of a queue; `Queue` and `testing.FakeSqs` provide it."""

    @property
    def url(self) -> str:
        """The queue's URL."""
        ...

    @property
    def name(self) -> str:
        """The queue's name."""
        ...

    def send(self, messages: Sequence[OutMessage]) -> list[RefusedEntry]:
        """Sends ≤ 10 messages of ≤ 1 MiB together; what is not in the result was accepted."""
        ...

    def receive(
        self, *, max_messages: int = ..., wait_seconds: int = ..., visibility: int | None = ...
    ) -> list[Received]:
        """Receives up to ten messages, waiting up to `wait_seconds` (≤ 20) for the first."""
        ...

    def delete(self, handles: Sequence[str]) -> list[RefusedEntry]:
        """Deletes by receipt handle, any number of them."""
        ...

    def extend(self, handles: Sequence[str], timeout: int) -> list[RefusedEntry]:
        """Sets the visibility timeout of held messages to `timeout` seconds from now; 0 hands them back."""
        ...

    def attributes(self) -> QueueAttributes:
        """The queue's attributes."""
        ...


class Queue:
    """A queue at AWS, LocalStack or moto.

    Every method raises TemporaryError, MissingResourceError, AccessDeniedError or PermanentError when the
    call as a whole fails; a failure of single entries is in the result.
    """

    def __init__(self, aws: Aws, url: str, client: "SQSClient | None" = None) -> None:
        self._sqs = client or aws.sqs
        self._hot = aws.carrier.over(self._sqs)
        self._url = url

    @classmethod
    def resolve(cls, aws: Aws, given: str, *, near: "Queue | None" = None) -> "Queue":
        """The queue of that name, URL or ARN, whatever its region and account.

        A name is looked for at home, or where `near` is. Raises MissingResourceError when it does not exist,
        ValueError when it can be no queue's (see `settings.addresses`).
        """
        address = parse_queue(given)
        if address.url is not None:
            return cls(aws, address.url, aws.sqs_for(address))
        beside = parse_queue(near.url) if near is not None else QueueAddress(address.name)
        account = address.account or beside.account
        client = aws.sqs_for(address) if near is None else near._sqs  # noqa: SLF001 (a Queue's own)
        if address.region not in (None, client.meta.region_name):
            client = aws.sqs_for(address)
        what = f"look up queue {given!r}"
        owner: dict[str, Any] = {"QueueOwnerAWSAccountId": account} if account else {}
        try:
            with translated(what):
                reply = client.get_queue_url(QueueName=address.name, **owner)
        except AccessDeniedError:
            if address.account is None:
                raise
            # Another account's policy may let us use a queue and not look it up; AWS documents the URL's form.
            host = client.meta.endpoint_url.rstrip("/")
            return cls(aws, f"{host}/{address.account}/{address.name}", client)
        with understood(what):
            return cls(aws, text(reply["QueueUrl"]), client)

    @property
    def region(self) -> str:
        """The region that requests are signed for."""
        return self._sqs.meta.region_name

    @property
    def url(self) -> str:
        """The queue's URL."""
        return self._url

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._url.rstrip("/").rsplit("/", 1)[-1]

    def send(self, messages: Sequence[OutMessage]) -> list[RefusedEntry]:
        """See `QueueLike.send`."""
        entries: list[Any] = [
            {
                "Id": str(index),
                "MessageBody": message.body,
                "MessageAttributes": {
                    name: {
                        "DataType": "String" if isinstance(value, str) else "Number",
                        "StringValue": str(value),
                    }
                    for name, value in message.attributes.items()
                },
            }
            for index, message in enumerate(messages)
        ]
        what = f"send to queue {self.name!r}"
        with translated(what):
            reply = self._hot.send_message_batch(QueueUrl=self._url, Entries=entries)
        with understood(what):
            return _refused(reply, len(messages))

    def receive(
        self,
        *,
        max_messages: int = SQS_BATCH_ENTRIES,
        wait_seconds: int = SQS_MAX_WAIT_SECONDS,
        visibility: int | None = None,
    ) -> list[Received]:
        """See `QueueLike.receive`."""
        options: dict[str, Any] = {} if visibility is None else {"VisibilityTimeout": visibility}
        what = f"receive from queue {self.name!r}"
        with translated(what):
            reply = self._hot.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=max_messages,
                WaitTimeSeconds=wait_seconds,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                **options,
            )
        with understood(what):
            return [_received(message) for message in _named(reply, "Messages")]

    def delete(self, handles: Sequence[str]) -> list[RefusedEntry]:
        """See `QueueLike.delete`."""
        return self._in_tens(
            handles,
            lambda entries: self._hot.delete_message_batch(QueueUrl=self._url, Entries=entries),
            {},
            "delete from",
        )

    def extend(self, handles: Sequence[str], timeout: int) -> list[RefusedEntry]:
        """See `QueueLike.extend`."""
        return self._in_tens(
            handles,
            lambda entries: self._hot.change_message_visibility_batch(
                QueueUrl=self._url, Entries=entries
            ),
            {"VisibilityTimeout": timeout},
            "extend visibility in",
        )

    def attributes(self) -> QueueAttributes:
        """See `QueueLike.attributes`."""
        what = f"read attributes of queue {self.name!r}"
        with translated(what):
            reply = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])
        with understood(what):
            return _attributes({str(k): v for k, v in reply["Attributes"].items()})

    def _in_tens(
        self, handles: Sequence[str], call: Any, extra: dict[str, Any], verb: str
    ) -> list[RefusedEntry]:
        refused: list[RefusedEntry] = []
        for start in range(0, len(handles), SQS_BATCH_ENTRIES):
            part = handles[start : start + SQS_BATCH_ENTRIES]
            entries = [
                {"Id": str(i), "ReceiptHandle": handle, **extra} for i, handle in enumerate(part)
            ]
            what = f"{verb} queue {self.name!r}"
            try:
                with translated(what):
                    reply = call(entries)
                with understood(what):
                    failed = _refused(reply, len(part))
            except TemporaryError as error:
                # What went before is done: report the rest entry by entry, so that only that is retried.
                refused += [
                    RefusedEntry(i, type(error).__name__, str(error), permanent=False)
                    for i in range(start, len(handles))
                ]
                break
            refused += [
                RefusedEntry(start + r.index, r.code, r.detail, r.permanent) for r in failed
            ]
        return refused


def dead_letter_queue(aws: Aws, queue: Queue, configured: str | None) -> Queue:
    """The dead-letter queue: the configured one, else the queue's redrive target, else `<queue>_dlq` beside it.

    Raises MissingResourceError when it does not exist.
    """
    if configured:
        return Queue.resolve(aws, configured)
    target = queue.attributes().redrive_target
    with understood(f"read the redrive policy of queue {queue.name!r}"):
        return Queue.resolve(aws, target or f"{queue.name}_dlq", near=queue)


def chunked(messages: Iterable[OutMessage]) -> Iterator[list[OutMessage]]:
    """Splits messages, in order, into lists that one SendMessageBatch takes: ≤ 10 entries and ≤ 1 MiB.

    A single message over 1 MiB is a list of its own: SQS will refuse it by name.
    """
    part: list[OutMessage] = []
    total = 0
    for message in messages:
        size = message.size
        if part and (len(part) == SQS_BATCH_ENTRIES or total + size > SQS_MAX_BYTES):
            yield part
            part, total = [], 0
        part.append(message)
        total += size
    if part:
        yield part


def _named(reply: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name; some stores write null for none."""
    value = reply.get(name)
    if not isinstance(value, list | None):
        raise TypeError(f"{name} is a list, not {type(value).__name__}")
    return value or []


def _refused(reply: Mapping[str, Any], count: int) -> list[RefusedEntry]:
    """What did not happen of a call of `count` entries: what the reply refuses, and what it does not name."""
    failed = _named(reply, "Failed")
    done = {int(entry["Id"]) for entry in _named(reply, "Successful")}
    if not failed and done.issuperset(range(count)):
        return []
    refused = {
        int(entry["Id"]): RefusedEntry(
            index=int(entry["Id"]),
            code=clean(str(entry.get("Code", ""))),
            detail=clean(str(entry.get("Message", ""))),
            permanent=bool(entry.get("SenderFault", False))
            and entry.get("Code") not in TEMPORARY_CODES,
        )
        for entry in failed
    }
    for index in range(count):
        if index not in done and index not in refused:
            refused[index] = RefusedEntry(
                index, "NotAnswered", "the reply does not name this entry", permanent=False
            )
    return [refused[index] for index in sorted(refused) if 0 <= index < count]


def _received(message: Any) -> Received:
    system = message["Attributes"]
    body = message["Body"]
    if not isinstance(body, str):
        raise TypeError(f"a body is text, not {type(body).__name__}")
    return Received(
        text(message["MessageId"]),
        text(message["ReceiptHandle"]),
        body,
        {
            name: str(value["StringValue"])
            for name, value in (message.get("MessageAttributes") or {}).items()
            if "StringValue" in value
        },
        int(system["SentTimestamp"]) / 1000,
        int(system["ApproximateReceiveCount"]),
    )


def _attributes(values: Mapping[str, str]) -> QueueAttributes:
    redrive = json.loads(values.get("RedrivePolicy") or "{}")
    count = redrive.get("maxReceiveCount")
    target = redrive.get("deadLetterTargetArn")
    return QueueAttributes(
        visible=int(values["ApproximateNumberOfMessages"]),
        in_flight=int(values["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(values["ApproximateNumberOfMessagesDelayed"]),
        visibility_timeout=int(values["VisibilityTimeout"]),
        max_message_bytes=int(values.get("MaximumMessageSize", SQS_MAX_BYTES)),
        redrive_target=None if target is None else text(target),
        max_receive_count=None if count is None else int(count),
        created_at=int(float(values["CreatedTimestamp"])),
        retention=int(values.get("MessageRetentionPeriod", DEFAULT_RETENTION)),
    )
