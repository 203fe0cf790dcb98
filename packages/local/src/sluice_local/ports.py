"""Free loopback ports for the children that we start.

They are taken below the kernel's ephemeral range (32768 on Linux, 49152 elsewhere): a client that
connects to a port of that range while nobody listens may be given the same port as its own and so
connect to itself, which shuts out a server that restarts.
"""

import random
import socket

_LOW, _HIGH = 20_000, 32_000


def free_port(interface: str = "127.0.0.1", rng: random.Random | None = None) -> int:
    """A TCP port on which nothing listened a moment ago."""
    source = rng or random.SystemRandom()
    while True:
        port = source.randrange(_LOW, _HIGH)
        with socket.socket() as probe:
            try:
                probe.bind((interface, port))
            except OSError:
                continue
        return port
