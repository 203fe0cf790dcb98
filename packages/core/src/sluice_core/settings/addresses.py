"""What may name a bucket or a queue, and where each of these says it is.

A bucket of another account or region needs nothing but its name: names are global, and S3 redirects to the region.
An access point has a name that works in a bucket's place, its alias; its ARN would have to stand in every address.

The region of a queue is its own, whatever AWS_REGION says: a request that goes elsewhere is answered with "does
not exist". FIFO queues are refused here, once for everybody: packs leave by several senders at once and a batch
is written as a whole, so that their order would be paid for (300 calls a second) and not kept.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::([^/]+)")


def parse_bucket(given: str) -> str:
    """The bucket's name. Raises ValueError with the rule that `given` breaks.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if given.startswith("arn:"):
        match = _BUCKET_ARN.fullmatch(given)
        if match is None:
            raise ValueError(
                "of ARNs, a bucket's works (arn:aws:s3:::<name>); for an access point give its alias (…-s3alias)"
            )
        given = match[1]
    name = given.removeprefix("s3://").rstrip("/")
    if _BUCKET.fullmatch(name) is None:
        raise ValueError(
            "a bucket's name has 3 to 63 small letters, digits, dots and dashes; s3://<name> and its ARN work, too"
        )
    return name


def web_address(given: str, needed: str) -> SplitResult:
    """The parts of an address over HTTP. Raises ValueError: `needed` is needed."""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{needed} is needed")
    return parts


_QUEUE: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_QUEUE_ARN: Final = re.compile(r"arn:aws[a-z-]*:sqs:([a-z0-9-]+):(\d{12}):([^:/]+)")
_REGION: Final = re.compile(
    r"(?:[^.]+\.)?sqs(?:-fips)?\.([a-z]{2,}(?:-[a-z]+)+-\d+)\."
    r"|([a-z]{2,}(?:-[a-z]+)+-\d+)\.queue\.amazonaws\."
)
"""Hosts: `sqs.<region>.…`, with `-fips`, `vpce-….` before it; `<region>.queue.amazonaws.com` is the old form."""

_OLDEST_HOST: Final = "queue.amazonaws.com"
"""us-east-1's, from the time when there was no other."""


@dataclass(frozen=True)
class QueueAddress:
    """What is known of a queue: `account` (12 digits), `region`, `url` and its `origin` where they are told."""

    name: str
    account: str | None = None
    region: str | None = None
    url: str | None = None
    origin: str | None = None


def parse_queue(given: str) -> QueueAddress:
    """The address that `given` (a name, URL or ARN) is. Raises ValueError with the rule that it breaks.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
    """
    if given.startswith(("http://", "https://")):
        return _of_url(given)
    if given.startswith("arn:"):
        match = _QUEUE_ARN.fullmatch(given)
        if match is None:
            raise ValueError("a queue's ARN is arn:aws:sqs:<region>:<account, 12 digits>:<name>")
        return QueueAddress(_standard(match[3]), match[2], match[1])
    return QueueAddress(_standard(given))


def _of_url(url: str) -> QueueAddress:
    parts = urlsplit(url)
    path = [part for part in parts.path.split("/") if part]
    if not parts.hostname or not path or parts.query or parts.fragment:
        raise ValueError("a queue's URL is https://sqs.<region>.amazonaws.com/<account>/<name>")
    account = path[-2] if len(path) > 1 and re.fullmatch(r"\d{12}", path[-2]) else None
    return QueueAddress(
        _standard(path[-1]),
        account,
        _region(parts.hostname, path),
        url,
        f"{parts.scheme}://{parts.netloc}",
    )


def _region(host: str, path: list[str]) -> str | None:
    if host == _OLDEST_HOST:
        return "us-east-1"
    match = _REGION.match(host)
    if match is not None:
        return match[1] or match[2]
    # LocalStack's form by path: /queue/<region>/<account>/<name>
    return path[1] if len(path) == 4 and path[0] == "queue" else None


def _standard(name: str) -> str:
    if name.endswith(".fifo"):
        raise ValueError(
            "FIFO queues are not supported (several senders and whole batches keep no order): give a standard queue"
        )
    if _QUEUE.fullmatch(name) is None:
        raise ValueError(
            "a queue's name has 1 to 80 letters, digits, - and _; its URL or ARN works, too"
        )
    return name
