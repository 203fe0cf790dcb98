"""The quotas of AWS that Sluice's design rests on, each with the page that documents it.

SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from typing import Final

SQS_BATCH_ENTRIES: Final = 10
"""Entries in one SendMessageBatch, DeleteMessageBatch or ChangeMessageVisibilityBatch, and messages in one receive."""

SQS_MAX_BYTES: Final = 1_048_576
"""Bytes of one message, and of all messages of one SendMessageBatch: bodies and attributes together."""

SQS_MAX_ATTRIBUTES: Final = 10
"""Message attributes of one message."""

SQS_MAX_WAIT_SECONDS: Final = 20
"""The longest long poll."""

SQS_MAX_VISIBILITY_SECONDS: Final = 43_200
"""The longest visibility timeout, counted from the receive, extensions included: 12 hours."""

SQS_IN_FLIGHT: Final = 120_000
"""Messages of a standard queue that may be in flight at once."""

DEFAULT_RETENTION: Final = 4 * 86_400
"""Seconds that SQS keeps a message where nobody says otherwise:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
