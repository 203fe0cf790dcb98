"""A pod that has IPv6 only: source, SQS and S3 under IPv6 addresses, and the metrics on one."""

import socket
import urllib.request

import pytest
from harness.relay import Relay

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6"),
]


@pytest.mark.parametrize("client", ["libcurl", "boto3"])
def test_all_addresses_are_ipv6(make_pipeline, client):
    pipeline = make_pipeline(1500)
    with Relay(pipeline.cloud.endpoint) as aws, Relay(pipeline.source.url) as source:
        pipeline.settings |= {
            "AWS_ENDPOINT_URL": aws.url,
            "SLUICE_SOURCE_URL": source.url,
            "SLUICE_HTTP_HOST": "::1",
            "SLUICE_AWS_CLIENT": client,
        }
        children = pipeline.start()
        for child in children:
            child.url = child.url.replace("127.0.0.1", "[::1]")
        found = pipeline.lossless()
        assert found.rows == len(pipeline.source.expected())
        assert (source.seen, aws.seen > 2) == (1, True)
        for child in children:
            with pytest.raises(OSError, match="refused"):
                urllib.request.urlopen(child.url.replace("[::1]", "127.0.0.1") + "/healthz")
        pipeline.stop()
