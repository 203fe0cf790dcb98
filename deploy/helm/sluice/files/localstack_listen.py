"""LocalStack's start hook, run before it listens: on every address, of IPv4 and IPv6, where the node has both.

`GATEWAY_LISTEN` says IPv4 alone, which works everywhere; asked for IPv6 by that variable LocalStack would be deaf on a
node whose kernel has none. It keeps its addresses in its configuration, which scripts of this stage share with it.
"""

import socket

from localstack import config


def takes_both() -> bool:
    """Whether a socket of IPv6 takes IPv4's connections, too."""
    try:
        with socket.socket(socket.AF_INET6) as one:
            return one.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
    except OSError:
        return False


if takes_both():
    config.GATEWAY_LISTEN = [
        config.HostAndPort("::", address.port) for address in config.GATEWAY_LISTEN
    ]
