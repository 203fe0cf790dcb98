"""Clients for SQS and S3: boto3's, and libcurl's for the calls that are made all day.

Nothing outside this package sees botocore or libcurl. Retries are ours (boto3 tries once): a loop that retries for ever
must know of each failure, and a second, hidden retry layer makes lost replies harder to reason about.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.handlers import set_list_objects_encoding_type_url

from sluice_core.aws.carrier import Carrier, carrier
from sluice_core.aws.errors import clean, translated, understood
from sluice_core.errors import NoCredentialsError, PermanentError
from sluice_core.settings import CommonSettings
from sluice_core.settings.addresses import QueueAddress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

__all__ = ["Aws", "clients", "lent", "plain_listings", "translated"]

_AWS_HOST: Final = re.compile(r"\.(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws|aws\.dev)$")


@dataclass(frozen=True)
class Aws:
    """One SQS and one S3 client, both safe to share between threads; SQS's of other places are made when asked for.

    `make_sqs`: a client for a region at an endpoint (None: the settings' or AWS's own). `encryption`: what each
    PutObject says about it. `carrier`: what makes the frequent calls of these clients.
    """

    sqs: "SQSClient"
    s3: "S3Client"
    make_sqs: Callable[[str, str | None], "SQSClient"]
    encryption: Mapping[str, str | bool]
    carrier: Carrier

    def sqs_for(self, address: QueueAddress) -> "SQSClient":
        """The client for a queue given by URL or ARN: of its region, and at its host unless an endpoint is set."""
        own = self.sqs.meta
        region = address.region or own.region_name
        # An endpoint that somebody has set stands for every region, and before the host in a URL.
        origin = address.origin if is_aws(own.endpoint_url) else own.endpoint_url
        if region == own.region_name and origin in (None, own.endpoint_url):
            return self.sqs
        return self.make_sqs(region, origin)


def clients(settings: CommonSettings, *, pool: int = 16) -> Aws:
    """Clients as the settings say: path-style S3 whenever an endpoint for it is given.

    `pool` is the number of connections each may hold. The read timeout exceeds SQS's longest poll (20 s).
    Raises PermanentError when the region or an endpoint makes no client.
    """
    core = botocore.session.get_session()
    session = boto3.session.Session(botocore_session=core)

    def make(service: str, region: str, endpoint: str | None, style: str = "auto") -> Any:
        options: dict[str, Any] = {"s3": {"addressing_style": style}}
        if settings.aws_ignore_configured_endpoint_urls:
            options["ignore_configured_endpoint_urls"] = True
        config = Config(
            region_name=region,
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=pool,
            tcp_keepalive=True,
            user_agent_extra="sluice",
            **options,
        )
        try:
            return session.client(service, config=config, endpoint_url=endpoint)  # type: ignore[call-overload] # the service's name is no literal here
        except (BotoCoreError, ValueError) as error:
            raise PermanentError(
                f"cannot make AWS clients: {clean(str(error))}; check AWS_ENDPOINT_URL and AWS_REGION"
            ) from error

    def make_sqs(region: str, endpoint: str | None) -> "SQSClient":
        client: SQSClient = make("sqs", region, endpoint)
        client.meta.events.register("response-received.sqs.ReceiveMessage", _must_say_empty)
        return client

    s3 = make("s3", settings.aws_region, settings.s3_endpoint)
    if not is_aws(s3.meta.endpoint_url):  # AWS's configuration file may name an endpoint, too
        s3 = make("s3", settings.aws_region, settings.s3_endpoint, "path")
    plain_listings(s3)
    sqs = make_sqs(settings.aws_region, settings.sqs_endpoint)
    made_by = carrier(settings.aws_client, core)
    # Now: what hooks into a client must do so before its calls begin.
    made_by.over(sqs), made_by.over(s3)
    return Aws(sqs, s3, make_sqs, settings.encryption(), made_by)


def lent(settings: CommonSettings) -> dict[str, str]:
    """Credentials and places for another library's client of AWS, as boto3's whole chain gives them now.

    Keys: `access-key-id`, `secret-access-key`, `session-token` (of temporary ones), `region`, `endpoint` (where
    one is set for S3). Temporary credentials end: ask again before each piece of work. Raises
    NoCredentialsError.
    """
    session = boto3.session.Session()
    what = "look for AWS credentials"
    with translated(what):
        found = session.get_credentials()
        frozen = None if found is None else found.get_frozen_credentials()
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        raise NoCredentialsError(
            f"{what}: there are none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role "
            "(LocalStack takes any: test/test)"
        )
    given = {
        "access-key-id": frozen.access_key,
        "secret-access-key": frozen.secret_key,
        "session-token": frozen.token,
        "region": settings.aws_region,
        "endpoint": settings.s3_endpoint,
    }
    return {name: value for name, value in given.items() if value}


def is_aws(url: str) -> bool:
    """Whether the host of `url` is one of AWS's own."""
    return _AWS_HOST.search(urlsplit(url).hostname or "") is not None


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
