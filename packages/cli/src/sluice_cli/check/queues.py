"""The queue, its dead-letter queue, and what this role may do with them.

A permission is tried with a call that SQS must refuse for another reason (no entries, a receipt handle that
is none), so nothing is sent, taken or deleted: what counts is that the refusal is not for want of permission.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from sluice_core.aws.retention import ENOUGH
from sluice_core.aws.sqs import QueueAttributes, QueueLike
from sluice_core.errors import AccessDeniedError, PermanentError, SluiceError
from sluice_core.limits import SQS_MAX_BYTES
from sluice_core.settings.addresses import parse_queue

from sluice_cli.check.result import Result, failed, ok, refused, skipped, warning
from sluice_cli.check.services import Service
from sluice_cli.output import counted
from sluice_cli.target import Target

FEW_RECEIVES: Final = 10
"""Under so many receives a few kills or a freeze push good messages into the dead-letter queue."""

ENOUGH_RECEIVES: Final = 100
_SHORT_VISIBILITY: Final = 10
_NO_HANDLE: Final = "sluice-check"
_RIGHTS: Final = {
    "send": "SendMessage",
    "receive": "ReceiveMessage",
    "delete": "DeleteMessage",
    "change visibility": "ChangeMessageVisibility",
}
_ALL: Final = tuple(_RIGHTS)
_ASKED: Final[Mapping[Service, tuple[str, ...]]] = {
    Service.PRODUCER: _ALL[:1],
    Service.BATCHER: _ALL[1:],
    Service.COMPACTOR: (),
}
"""What each service does with the queue; of the dead-letter queue `sluice dlq` asks for everything."""


def check_queues(
    target: Target, services: Collection[Service] = tuple(Service)
) -> Iterator[Result]:
    """Existence, permissions (those that `services` need), redrive policy."""
    settings = target.settings
    made = "make it, or set SLUICE_QUEUE to its name or URL (SQS says so, too, when the role may not see it)"
    attributes = None
    try:
        attributes = target.queue.attributes()
    except SluiceError as error:
        yield refused("queue", error, made)
    if attributes is not None:
        asked = [action for service in Service if service in services for action in _ASKED[service]]
        yield from _main(target.queue, attributes, settings.aws_region, asked)
    name = "dead-letter queue"
    if attributes is None and not settings.dlq:
        yield skipped(name, "found through the queue; or set SLUICE_DLQ")
        return
    try:
        dead = target.dlq
        inside = dead.attributes()
    except SluiceError as error:
        yield refused(
            name,
            error,
            f"make it ({settings.dlq or settings.queue + '_dlq'}), give the queue a redrive policy, or set SLUICE_DLQ",
        )
        return
    if attributes is not None and dead.url == target.queue.url:
        yield failed(
            name, "it is the queue itself: dead letters would go round for ever", "set SLUICE_DLQ"
        )
        return
    yield ok(name, f"{dead.name}: {counted(inside.depth, 'dead letter')}")
    yield retention(name, inside)
    yield from _permissions(name, dead)
    if attributes is not None:
        yield redrive_policy(attributes, dead.name)


def _main(
    queue: QueueLike,
    attributes: QueueAttributes,
    home: str,
    actions: Collection[str] = _ALL,
) -> Iterator[Result]:
    region = parse_queue(queue.url).region or home
    elsewhere = "" if region == home else f" in {region} (AWS_REGION is {home})"
    yield ok(
        "queue",
        f"{queue.name}{elsewhere}: {attributes.visible:,} visible, {attributes.in_flight:,} in flight, "
        f"visibility timeout {attributes.visibility_timeout} s",
    )
    if attributes.visibility_timeout < _SHORT_VISIBILITY:
        yield warning(
            "visibility timeout",
            f"{attributes.visibility_timeout} s: a short pause of a batcher makes duplicates",
            "set it to 30 s or more, at the queue or with SLUICE_VISIBILITY_TIMEOUT",
        )
    yield retention("queue", attributes)
    if attributes.max_message_bytes < SQS_MAX_BYTES:
        yield warning(
            "message size",
            f"the queue takes {attributes.max_message_bytes:,} bytes: larger events become dead letters",
            f"set MaximumMessageSize to {SQS_MAX_BYTES}, or keep SLUICE_PACK_MAX_BYTES under it",
        )
    yield from _permissions("queue", queue, actions)


def retention(name: str, attributes: QueueAttributes) -> Result:
    """Whether the queue keeps messages long enough for an outage that nobody mends at once."""
    what, days = f"{name}: retention", f"{attributes.retention / 86_400:g} days"
    if attributes.retention < ENOUGH:
        return warning(
            what,
            f"{days}: what nobody reads in that time is deleted by SQS, and lost",
            "set MessageRetentionPeriod to 345600 (4 days) or more, up to 1209600 (14 days)",
        )
    return ok(what, f"{days}: the longest outage that loses nothing")


def _permissions(name: str, queue: QueueLike, actions: Collection[str] = _ALL) -> Iterator[Result]:
    tries: dict[str, Callable[[], object]] = {
        "send": lambda: queue.send([]),
        "receive": lambda: queue.receive(max_messages=1, wait_seconds=0, visibility=0),
        "delete": lambda: queue.delete([_NO_HANDLE]),
        "change visibility": lambda: queue.extend([_NO_HANDLE], 0),
    }
    denied: list[str] = []
    for action in actions:
        try:
            tries[action]()
        except AccessDeniedError:
            denied.append(action)
        except PermanentError:
            continue
        except SluiceError as error:
            yield refused(f"{name}: {action}", error, "it was there a moment ago")
            return
    if denied:
        yield failed(
            f"{name}: permissions",
            f"not allowed: {', '.join(denied)}",
            f"allow {_rights(actions)} on it",
        )
    else:
        yield ok(f"{name}: permissions", ", ".join(actions))


def _rights(actions: Collection[str]) -> str:
    *first, last = (_RIGHTS[action] for action in actions)
    return f"sqs:{', '.join(first)} and {last}" if first else f"sqs:{last}"


def redrive_policy(attributes: QueueAttributes, dead: str) -> Result:
    """Whether the queue's own redrive policy is there, leads to `dead` and waits long enough."""
    name, count = "redrive policy", attributes.max_receive_count
    if attributes.redrive_target is None or count is None:
        return warning(
            name,
            "none: a message of a newer version's codec goes round until SQS drops it",
            f"give the queue one: deadLetterTargetArn of {dead}, maxReceiveCount 1000",
        )
    where = attributes.redrive_target.rsplit(":", 1)[-1]
    if count < FEW_RECEIVES:
        return failed(
            name,
            f"maxReceiveCount {count}: a few kills or freezes push good messages out",
            f"set maxReceiveCount to 1000 (at least {ENOUGH_RECEIVES})",
        )
    if where != dead:
        return warning(
            name,
            f"it leads to {where}, and Sluice's dead letters go to {dead}: two places to look",
            "set SLUICE_DLQ and the redrive policy to the same queue",
        )
    if count < ENOUGH_RECEIVES:
        return warning(
            name,
            f"maxReceiveCount {count}: a long outage of S3 may push good messages out",
            "set maxReceiveCount to 1000",
        )
    return ok(name, f"to {where} after {count:,} receives")
