"""What `sluice check` tries: settings, queues, bucket, source. Each check yields results, and changes nothing
but a probe object of its own under `_sluice/check/`, which it removes."""

from sluice_cli.check.bucket import check_bucket
from sluice_cli.check.queues import check_queues
from sluice_cli.check.result import Result, State
from sluice_cli.check.services import Service, check_settings
from sluice_cli.check.source import check_source

__all__ = [
    "Result",
    "Service",
    "State",
    "check_bucket",
    "check_queues",
    "check_settings",
    "check_source",
]
