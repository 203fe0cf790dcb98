"""Who carries the frequent calls: libcurl, or boto3 where that is asked for or libcurl is not to be had."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.session import Session

from sluice_core.aws.place import proxy_for, trusted
from sluice_core.service.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class Carrier:
    """`over` gives what makes a boto3 client's frequent calls; `missing` says why libcurl does not."""

    name: str
    over: Callable[[Any], Any]
    missing: str = ""

    def tell(self) -> None:
        """Says at a service's start who it is, and warns when it is not who was asked for."""
        if self.missing:
            _log.warning(
                "libcurl is missing: boto3 makes all calls, for five to fifteen times the CPU of each; "
                "install pycurl as a wheel, or set SLUICE_AWS_CLIENT=boto3",
                why=self.missing,
            )
        _log.info("calls to SQS and S3", client=self.name)


def carrier(asked: str, core: Session) -> Carrier:
    """What SLUICE_AWS_CLIENT names; boto3 when libcurl is missing or too old. `core` has the credentials."""
    boto3 = Carrier("boto3", lambda client: client)
    if asked == "boto3":
        return boto3
    try:
        from sluice_core.aws import curl, hot  # noqa: PLC0415 (pycurl may be missing, or without its libraries)
    except ImportError as error:
        return Carrier(boto3.name, boto3.over, str(error))
    if not curl.usable():
        return Carrier(
            boto3.name, boto3.over, f"libcurl {curl.VERSION} is older than {curl.OLDEST}"
        )
    credentials = core.get_credentials()

    def over(client: Any) -> Any:
        url = client.meta.endpoint_url
        http = curl.Http(ca=trusted(core), proxy=proxy_for(url))
        kind = hot.CurlSqs if client.meta.service_model.service_name == "sqs" else hot.CurlS3
        return kind(client, credentials, http)

    return Carrier(f"libcurl {curl.VERSION}", functools.cache(over))
