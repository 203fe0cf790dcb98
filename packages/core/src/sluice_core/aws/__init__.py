"""All that knows AWS: clients and their errors, one SQS queue, one S3 bucket, the making of both."""

from sluice_core.aws.errors import (
    translated,
)
from sluice_core.aws.session import (
    Aws,
    clients,
    lent,
    plain_listings,
)

__all__ = [
    "Aws",
    "clients",
    "lent",
    "plain_listings",
    "translated",
]
