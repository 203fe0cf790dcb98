"""Every error that Sluice raises on purpose.

    SluiceError
    ├── ConfigError            a setting is wrong: the start is refused (exit 2)
    ├── PermanentError         trying again cannot help (exit 1)
    │   ├── AccessDeniedError  AWS refuses these credentials or this action
    │   │   └── NoCredentialsError  there are none, or no whole ones (exit 2, as for a setting)
    │   ├── NoColumnError      an object has no column of that name
    │   ├── NotFoundError      the object asked for does not exist
    │   └── UnsupportedError   this store does not know what Sluice needs of it
    ├── OwnershipError         another producer owns the checkpoint (exit 3)
    ├── TemporaryError         try again, after `delay` seconds when the other side named one
    │   ├── MissingResourceError  the queue or the bucket is not there (yet, or any more)
    │   ├── UnexpectedAnswerError  what answered is not, or not now, the service that was asked
    │   └── ClockSkewError        this machine's clock is too far from AWS's
    ├── PreconditionError      S3 refused a conditional write (412, or 409 while another was under way)
    ├── DeadLetterError            this message or event can never be processed: dead letter
    └── UnknownCodecError      a newer producer's message: left in the queue for a newer batcher

Anything else that escapes is a bug, and is let through as one.
"""

from sluice_core.exit_codes import FAILED, REFUSED, REPLACED


class SluiceError(Exception):
    """Base of all errors that Sluice raises on purpose."""


class ConfigError(SluiceError):
    """A setting is wrong or contradicts another; the message names variable, value and rule."""


class PermanentError(SluiceError):
    """The other side refused in a way that trying again cannot change."""


class AccessDeniedError(PermanentError):
    """AWS refused the credentials, or the action under them; the message says what to do."""


class NoCredentialsError(AccessDeniedError):
    """There are no usable AWS credentials: nothing was asked."""


class NotFoundError(PermanentError):
    """The object that was asked for does not exist."""


class UnsupportedError(PermanentError):
    """The store lacks something that Sluice cannot do without (a conditional write); the message names it."""


class NoColumnError(PermanentError):
    """An object that can be read has no column of the name asked for."""


class OwnershipError(SluiceError):
    """Another producer has taken over the checkpoint: this one is the old one and must stop."""


class TemporaryError(SluiceError):
    """Trying again may help; `delay` is the wait in seconds that the other side asked for, if any."""

    def __init__(self, message: str, *, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class MissingResourceError(TemporaryError):
    """A queue or bucket does not exist now; whoever owns it may make it (again)."""


class UnexpectedAnswerError(TemporaryError):
    """The answer is not what the API promises: a proxy's page, a reply without what it must hold.

    Nobody knows whether the call was carried out. Temporary, because what answers so (a gateway, a store that
    starts) is seldom there for long, and nothing is lost by asking again.
    """


class ClockSkewError(TemporaryError):
    """AWS refuses a signature because of its time; it goes away when this machine's clock is right again."""


class PreconditionError(SluiceError):
    """A conditional write was refused: the object is not in the state that the condition names."""


class DeadLetterError(SluiceError):
    """A message or an event that can never be processed.

    `reason` is one of `sluice_core.reasons`; `detail` is for people and holds no event content.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UnknownCodecError(SluiceError):
    """The message names a codec that this version does not know; it must stay in the queue."""

    def __init__(self, codec: str) -> None:
        super().__init__(
            f"unknown codec {codec[:80]!r}: upgrade the batcher, the message waits in the queue"
        )
        self.codec = codec


def exit_code(error: SluiceError) -> int:
    """What a process exits with on `error`: 2 where the surroundings must be set right first, 3, or 1."""
    if isinstance(error, ConfigError | NoCredentialsError):
        return REFUSED
    return REPLACED if isinstance(error, OwnershipError) else FAILED


def os_reason(error: OSError) -> str:
    """What the machine refused, in words (`No such file or directory`), without the error's number."""
    return error.strerror or str(error) or type(error).__name__
