"""Where botocore would send a request, and how it would sign it: it is asked, so that we need not know.

Region, dual stack, FIPS, endpoints of a service's own, path style or a bucket's own host, a bucket of another
region: all that is botocore's to decide. It makes a request ready, which is taken away just before it is sent.
"""

import os
import re
import threading
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies

_SCOPE: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^,]+/\d{8}/([^/,]+)/(s3|sqs)/aws4_request"
)
_UNSIGNED: Final = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD")


@dataclass(frozen=True, slots=True)
class Place:
    """A URL, the scope of its signature (`aws:amz:<region>:<service>`), the program's name there.

    `hashes`: whether the body's hash is signed (else a checksum guards it, within TLS).
    """

    url: str
    signing: str
    agent: str
    hashes: bool


class Places:
    """What `client` would do; to be made before other threads use it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._asking = threading.local()
        client.meta.events.register("before-send", self._take)

    def ask(self, operation: str, **params: Any) -> Place | None:
        """The place of that call; None when botocore signs it in a way that only botocore knows.

        Raises botocore's errors (no credentials, a name that no bucket can have).
        """
        taken: list[AWSPreparedRequest] = []
        self._asking.taken = taken
        try:
            getattr(self._client, operation)(**params)
        finally:
            del self._asking.taken
        return _place(taken[-1])

    def _take(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        taken = getattr(self._asking, "taken", None)
        if taken is None:
            return None
        taken.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), _NoBody())


class _NoBody:
    def stream(self) -> tuple[bytes, ...]:
        return ()


def trusted(core: Session) -> str:
    """The file of certificates that botocore trusts."""
    named = core.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    return str(named or get_cert_path(verify=True))


def proxy_for(url: str) -> str:
    """The proxy that botocore takes on the way to `url`; "" for none."""
    return ProxyConfiguration(get_environ_proxies(url)).proxy_url_for(url) or ""


def _place(request: AWSPreparedRequest) -> Place | None:
    headers = {
        str(name).lower(): value if isinstance(value, str) else value.decode("latin-1")
        for name, value in request.headers.items()
    }
    scope = _SCOPE.match(headers.get("authorization", ""))
    if scope is None:
        return None
    parts = urlsplit(request.url)
    return Place(
        # Signed with the keys, not with a name and password out of the URL.
        url=parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        signing=f"aws:amz:{scope[1]}:{scope[2]}",
        agent=headers.get("user-agent", "sluice"),
        hashes=not headers.get("x-amz-content-sha256", "").startswith(_UNSIGNED),
    )
