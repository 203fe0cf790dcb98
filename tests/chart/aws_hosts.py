"""The hosts that boto3, libcurl and pyarrow really ask, seen by a proxy that lets nothing through."""

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

from pyarrow import fs
from sluice_core.aws import clients
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import SluiceError
from sluice_core.settings import CommonSettings, load_settings

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST00000000", "AWS_SECRET_ACCESS_KEY": "secret"}
ROLE = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": __file__}
"""As EKS gives it to a pod: any file is a token here, which is asked for at STS before anything else."""


class _Proxy(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refuses)
        self.asked: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Refuses(BaseHTTPRequestHandler):
    server: _Proxy

    def do_CONNECT(self) -> None:
        self.server.asked.add(self.path.partition(":")[0])
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Silent."""


@contextlib.contextmanager
def _proxy() -> Iterator[_Proxy]:
    proxy = _Proxy()
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


def _of_ours(client: str, region: str, bucket: str, queue: str, who: Mapping[str, str]) -> set[str]:
    given = {"AWS_REGION": region, "SLUICE_AWS_CLIENT": client}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    alone = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "/x"}
    with _proxy() as proxy:
        environ = {**clean, **alone, **who, "HTTPS_PROXY": proxy.url, "NO_PROXY": ""}
        with patch.dict(os.environ, environ, clear=True):
            aws = clients(load_settings(CommonSettings, given))
            for call in (
                lambda: Queue.resolve(aws, queue).send([OutMessage("x")]),
                Bucket(aws, bucket).check,
                lambda: Bucket(aws, bucket).put("k", b""),
            ):
                with contextlib.suppress(SluiceError):
                    call()
        return proxy.asked


def _of_pyarrow(region: str, bucket: str) -> set[str]:
    with _proxy() as proxy:
        store = fs.S3FileSystem(
            access_key="a",
            secret_key="b",
            region=region,
            proxy_options=proxy.url,
            connect_timeout=5,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
        )
        with contextlib.suppress(OSError):
            store.get_file_info(f"{bucket}/k")
        return proxy.asked


@cache
def asked(region: str, bucket: str, queue: str) -> frozenset[str]:
    """Hosts of SQS, of S3 and of STS, for `queue` (a name, URL or ARN). libcurl's are boto3's (test_places)."""
    return frozenset(
        _of_ours("libcurl", region, bucket, queue, KEYS)
        | _of_ours("boto3", region, bucket, queue, ROLE)
        | _of_pyarrow(region, bucket)
    )
