"""What botocore raises, and what it gives back, in Sluice's own errors.

An answer is believed only when it is what the API promises. A gateway, a captive portal or a store that is just
starting answers, too; what they say is no word of SQS or S3, so that it decides nothing: it is asked again.
No text that comes from here holds a credential: AWS quotes the request in some refusals, token and all.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import NoCredentialsError as BotoNoCredentialsError
from botocore.parsers import ResponseParserError

from sluice_core.errors import (
    AccessDeniedError,
    ClockSkewError,
    MissingResourceError,
    NoCredentialsError,
    NotFoundError,
    PermanentError,
    PreconditionError,
    SluiceError,
    TemporaryError,
    UnexpectedAnswerError,
    UnsupportedError,
)

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
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_PRECONDITION: Final = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
TEMPORARY_CODES: Final = {
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
"""What AWS says when it has too much to do, for a whole call or for one entry of it."""
_SKEWED: Final = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}
_SKEWED_TEXT: Final = re.compile(r"(?i)signature (expired|not yet current)")
"""How SQS says it, under the code of a wrong signature (SigV4 allows 5 to 15 minutes)."""

_SKEW_SECONDS: Final = 300.0
_HEADS: Final = {"HeadObject", "HeadBucket"}
"""Answers without a body: botocore makes the code out of the status."""

_BARE: Final = {409, 412, 429}
"""Statuses that some stores send without a body; what follows on them asks the store again anyway."""

_ODD: Final = (
    ResponseParserError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What botocore raises, beside its own errors, when it reads a reply that is none."""

_TEXT_MAX: Final = 600
_SECRETS: Final = (
    (re.compile(r"(?is)\s*the canonical string for this request.*"), ""),
    (re.compile(r"://[^/\s@]*@"), "://********@"),
    (
        re.compile(r"(?i)(security-token|credential|signature|accesskeyid)([=:]\s*)[^\s,&;<>]+"),
        r"\1\2********",
    ),
)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns what botocore raises inside the block into Sluice's errors; `what` names the action and its object.

    The block holds the call and nothing else: an error of the reply's reading is an UnexpectedAnswerError.
    """
    try:
        with refusals(what):
            yield
    except SluiceError:
        raise
    except _ODD as error:
        raise _odd(what, error) from error


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Like `translated`, for a block that holds more than the call: only botocore's own errors are turned."""
    try:
        yield
    except ClientError as error:
        raise _translate(what, error) from error
    except (BotoNoCredentialsError, PartialCredentialsError, UnauthorizedSSOTokenError) as error:
        raise NoCredentialsError(
            f"{what}: no usable AWS credentials ({clean(str(error))}); set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, a profile or a role (LocalStack takes any: test/test)"
        ) from error
    except (ParamValidationError, NoRegionError) as error:
        raise PermanentError(clean(f"{what}: {error}")) from error
    except (HTTPClientError, BotoCoreError) as error:
        raise TemporaryError(clean(f"{what}: {type(error).__name__}: {error}")) from error


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Around the reading of a reply: what it lacks, or holds of a wrong kind, is an UnexpectedAnswerError."""
    try:
        yield
    except _ODD as error:
        raise _odd(what, error) from error


def text(value: object) -> str:
    """`value`, which must be text and not empty. Raises ValueError: use it inside `understood`."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"a text is needed, not {type(value).__name__}")
    return value


def clean(message: str) -> str:
    """`message` without credentials, and not too long."""
    for pattern, instead in _SECRETS:
        message = pattern.sub(instead, message)
    return message[:_TEXT_MAX]


def skew(headers: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds that `now` is ahead of the other side's `Date`; None without a readable one."""
    try:
        there = parsedate_to_datetime(str(headers.get("date", "")))
    except ValueError:
        return None
    return (now - (there if there.tzinfo else there.replace(tzinfo=UTC))).total_seconds()


def _odd(what: str, error: BaseException) -> UnexpectedAnswerError:
    lacks = isinstance(error, KeyError) and error.args
    why = f"it has no {error.args[0]}" if lacks else f"{type(error).__name__}: {error}"
    return UnexpectedAnswerError(
        clean(f"{what}: the answer is not what the API promises ({why[:200]})")
        + "; does AWS_ENDPOINT_URL lead to SQS and S3, or does something on the way answer for them?"
    )


def _translate(what: str, error: ClientError) -> Exception:
    told: Mapping[str, Any] = error.response.get("Error", {})
    meta: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    code, status = str(told.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
    headers = meta.get("HTTPHeaders", {})
    head = error.operation_name in _HEADS
    message = str(told.get("Message", ""))
    text = clean(f"{what}: {code or status}: {message}")
    if _is_skew(code, message, headers, head=head and status in (400, 403)):
        return _skewed(what, code or str(status), headers)
    if code == "NotImplemented" or status == 501:
        return _unsupported(text, told)
    if (code.isdigit() or not code) and not head and 300 <= status < 500 and status not in _BARE:
        # AWS's codes are words: a bare status is somebody else's answer, and no verdict.
        return UnexpectedAnswerError(
            f"{text} (no word of AWS's: does AWS_ENDPOINT_URL lead to SQS and S3, or does something on the way "
            "answer for them?)",
            delay=_retry_after(headers),
        )
    if code in _DENIED or (status in (401, 403) and code not in _MISSING):
        return AccessDeniedError(f"{text}; check the credentials and the policy of this role")
    if code in TEMPORARY_CODES or status >= 500 or status in (0, 429):
        return TemporaryError(text, delay=_retry_after(headers))
    return _by_code(code, status)(text)


def _by_code(code: str, status: int) -> type[SluiceError]:
    if code in _MISSING:
        return MissingResourceError
    if code in _PRECONDITION or status == 412:
        return PreconditionError
    if code in ("NoSuchKey", "NotFound", "404"):
        return NotFoundError
    return PermanentError


def _is_skew(code: str, message: str, headers: Mapping[str, Any], *, head: bool) -> bool:
    if code in _SKEWED or (code in _DENIED and _SKEWED_TEXT.search(message) is not None):
        return True
    # The refusal of a HEAD bears no code at all: there the clocks themselves must tell.
    apart = skew(headers, datetime.now(UTC)) if head else None
    return apart is not None and abs(apart) > _SKEW_SECONDS


def _skewed(what: str, code: str, headers: Mapping[str, Any]) -> ClockSkewError:
    apart = skew(headers, datetime.now(UTC))
    by = "" if apart is None else f" by {abs(apart):,.0f} s ({'ahead' if apart > 0 else 'behind'})"
    return ClockSkewError(
        f"{what}: {code}: this machine's clock differs from AWS's{by}: set it right (NTP, chrony; a machine that "
        "was suspended may need it once more), and it goes on by itself"
    )


def _unsupported(text: str, told: Mapping[str, Any]) -> UnsupportedError:
    header = clean(str(told.get("Header", "")))[:80]
    return UnsupportedError(text + (f" (header {header})" if header else ""))


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    value = str(headers.get("retry-after", ""))
    return min(float(value), 300.0) if value.isascii() and value.isdigit() else None
