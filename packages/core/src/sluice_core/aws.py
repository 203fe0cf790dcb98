"""boto3's clients for SQS and S3.

Nothing outside this package sees botocore. Retries are ours (boto3 tries once): a loop that retries for ever
must know of each failure, and a second, hidden retry layer makes lost replies harder to reason about.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.handlers import set_list_objects_encoding_type_url

from sluice_core.aws_errors import clean, translated, understood
from sluice_core.errors import PermanentError
from sluice_core.settings import CommonSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

__all__ = ["Aws", "clients", "plain_listings", "translated"]


@dataclass(frozen=True)
class Aws:
    """One SQS and one S3 client; both are safe to share between threads."""

    sqs: "SQSClient"
    s3: "S3Client"
    endpoint: str | None


def clients(settings: CommonSettings, *, pool: int = 16) -> Aws:
    """Clients as the settings say: path-style S3 whenever an endpoint is given.

    `pool` is the number of connections each may hold. The read timeout exceeds SQS's longest poll (20 s).
    """
    config = Config(
        region_name=settings.aws_region,
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=pool,
        tcp_keepalive=True,
        s3={"addressing_style": "path" if settings.aws_endpoint_url else "auto"},
        user_agent_extra="sluice",
    )
    try:
        session = boto3.session.Session()
        options: dict[str, Any] = {"config": config, "endpoint_url": settings.aws_endpoint_url}
        sqs = session.client("sqs", **options)
        sqs.meta.events.register("response-received.sqs.ReceiveMessage", _must_say_empty)
        s3 = session.client("s3", **options)
        plain_listings(s3)
        return Aws(sqs, s3, settings.aws_endpoint_url)
    except (BotoCoreError, ValueError) as error:
        raise PermanentError(
            f"cannot make AWS clients: {clean(str(error))}; check AWS_ENDPOINT_URL and AWS_REGION"
        ) from error


def plain_listings(s3: "S3Client") -> None:
    """Keys in listings come as they are, not percent-encoded as botocore asks for behind our back.

    LocalStack compares the encoded key with the plain continuation token, so that the second page of a
    listing whose keys hold a `=` (`dt=…`) would be empty. Keys of ours hold no character that XML refuses.
    """
    for operation in ("ListObjects", "ListObjectsV2"):
        s3.meta.events.unregister(
            f"before-parameter-build.s3.{operation}", set_list_objects_encoding_type_url
        )


def _must_say_empty(
    response_dict: dict[str, Any] | None = None,
    parsed_response: dict[str, Any] | None = None,
    **_: Any,
) -> None:
    """An empty queue answers `{}`; botocore makes the same of a proxy's page, and a queue would seem empty for ever."""
    if response_dict is None or response_dict.get("status_code") != 200 or not parsed_response:
        return
    if not parsed_response.get("Messages"):
        with understood("receive"):
            if json.loads(response_dict["body"]).get("Messages"):
                raise ValueError("messages that cannot be read")
