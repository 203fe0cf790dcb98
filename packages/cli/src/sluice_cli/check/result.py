"""The result of one check."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sluice_core.errors import (
    AccessDeniedError,
    ClockSkewError,
    MissingResourceError,
    NotFoundError,
    SluiceError,
    TemporaryError,
    UnexpectedAnswerError,
    UnsupportedError,
    exit_code,
)


class State(StrEnum):
    """How a check went; only FAILED makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """One line: what was tried, how it went, what was seen, and what to do about it."""

    name: str
    state: State
    detail: str = ""
    advice: str = ""
    code: int = 1
    """What the command exits with when this has failed."""

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON takes it."""
        shown = asdict(self)
        del shown["code"]
        return {**shown, "state": self.state.value}


def ok(name: str, detail: str = "") -> Result:
    """It works."""
    return Result(name, State.OK, detail)


def warning(name: str, detail: str, advice: str) -> Result:
    """It works, but."""
    return Result(name, State.WARNING, detail, advice)


def failed(name: str, detail: str, advice: str) -> Result:
    """It does not work."""
    return Result(name, State.FAILED, detail, advice)


def skipped(name: str, why: str) -> Result:
    """It could not be tried."""
    return Result(name, State.SKIPPED, why)


def refused(name: str, error: SluiceError, missing: str) -> Result:
    """AWS said no; `missing` is what to do when the thing does not exist."""
    if isinstance(error, AccessDeniedError):
        advice = "give this role the permission that the message names, or other credentials"
    elif isinstance(error, MissingResourceError | NotFoundError):
        advice = missing
    elif isinstance(error, ClockSkewError):
        advice = "set this machine's clock"
    elif isinstance(error, UnexpectedAnswerError):
        advice = "look at what answers at AWS_ENDPOINT_URL (unset: AWS itself), and at proxies on the way"
    elif isinstance(error, UnsupportedError):
        advice = (
            "use AWS S3, or a store that knows conditional writes (LocalStack and moto's server do)"
        )
    elif isinstance(error, TemporaryError):
        advice = "is AWS_ENDPOINT_URL (unset: AWS itself) right, and can it be reached from here?"
    else:
        advice = "check the names and AWS_REGION"
    return Result(name, State.FAILED, str(error), advice, exit_code(error))


def attempt(name: str, call: Callable[[], object], missing: str, detail: str = "") -> Result:
    """`ok` when `call` returns, `refused` when it raises one of Sluice's errors."""
    try:
        call()
    except SluiceError as error:
        return refused(name, error, missing)
    return ok(name, detail)
