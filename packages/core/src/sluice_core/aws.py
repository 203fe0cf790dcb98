"""boto3's clients for SQS and S3, and the translation of their errors into ours.

Nothing outside this package sees botocore. Retries are ours (boto3 tries once): a loop that retries for ever
must know of each failure, and a second, hidden retry layer makes lost replies harder to reason about.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    UnauthorizedSSOTokenError,
)

from sluice_core.errors import (
    AccessDeniedError,
    MissingResourceError,
    NotFoundError,
    PermanentError,
    PreconditionError,
    TemporaryError,
)
from sluice_core.settings import CommonSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_MISSING: Final = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket"}
_DENIED: Final = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_PRECONDITION: Final = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_TEMPORARY: Final = {
    "InternalError",
    "InternalFailure",
    "KmsThrottled",
    "OverLimit",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


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
        return Aws(
            session.client("sqs", **options),
            session.client("s3", **options),
            settings.aws_endpoint_url,
        )
    except (BotoCoreError, ValueError) as error:
        raise PermanentError(
            f"cannot make AWS clients: {error}; check AWS_ENDPOINT_URL and AWS_REGION"
        ) from error


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns what botocore raises inside the block into Sluice's errors; `what` names the action and its object."""
    try:
        yield
    except ClientError as error:
        raise _translate(what, error) from error
    except (NoCredentialsError, PartialCredentialsError, UnauthorizedSSOTokenError) as error:
        raise AccessDeniedError(
            f"{what}: no usable AWS credentials ({error}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "a profile or a role (LocalStack takes any: test/test)"
        ) from error
    except (ParamValidationError, NoRegionError) as error:
        raise PermanentError(f"{what}: {error}") from error
    except (HTTPClientError, BotoCoreError) as error:
        raise TemporaryError(f"{what}: {type(error).__name__}: {error}") from error


def _translate(what: str, error: ClientError) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = f"{what}: {code or status}: {error.response.get('Error', {}).get('Message', '')}"[:600]
    if code in _MISSING:
        return MissingResourceError(text)
    if code in _PRECONDITION or status == 412:
        return PreconditionError(text)
    if code in _DENIED or status in (401, 403):
        return AccessDeniedError(f"{text}; check the credentials and the policy of this role")
    if code in ("NoSuchKey", "NotFound", "404") or (status == 404 and not code):
        return NotFoundError(text)
    if code in _TEMPORARY or status >= 500 or status in (0, 429):
        return TemporaryError(text, delay=_retry_after(error))
    return PermanentError(text)


def _retry_after(error: ClientError) -> float | None:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    value = str(headers.get("retry-after", ""))
    return min(float(value), 300.0) if value.isdigit() else None
