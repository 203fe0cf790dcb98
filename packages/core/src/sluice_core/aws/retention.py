"""How long the queue keeps what nobody reads: the longest outage of the batchers, or of S3, that loses nothing."""

from typing import Final

from sluice_core.aws.sqs import QueueAttributes
from sluice_core.service.logs import get_logger

ENOUGH: Final = 4 * 86_400
"""Seconds under which a long weekend's outage may lose events: SQS's own default. The most is 14 days."""

_log = get_logger(__name__)


def tell(queue: str, attributes: QueueAttributes) -> None:
    """Says at a service's start how long the queue keeps messages, and warns when that is short."""
    days = round(attributes.retention / 86_400, 2)
    _log.info("queue retention", queue=queue, seconds=attributes.retention, days=days)
    if attributes.retention < ENOUGH:
        _log.warning(
            "queue retention is short: SQS deletes what is not read in time, and an outage of S3 or of the "
            "batchers that lasts longer loses events; set MessageRetentionPeriod to up to 1209600 (14 days)",
            queue=queue,
            days=days,
        )
