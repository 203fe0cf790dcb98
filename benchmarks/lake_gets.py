"""What the compactor's GETs side by side save: small objects from a store whose first byte takes a while.

    python benchmarks/lake_gets.py [--objects 1000] [--delays 0.03,0.1]

LocalStack answers one request after another, so that nothing is to be seen there. This store (a process of its own)
waits `delay` seconds in a thread for each GET and answers with a CSV object of 100 rows. AWS names 100 to 200 ms for a
small object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
"""

import argparse
import datetime
import multiprocessing
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from rich.console import Console
from sluice_compactor.raw import fetch
from sluice_compactor.raw.listing import RawObject
from sluice_core.aws import clients
from sluice_core.aws.s3 import Bucket
from sluice_core.settings import CommonSettings, load_settings

BODY = b"event_id,title\n" + b"".join(b'"%032d","a title"\n' % n for n in range(100))
DAY = datetime.date(2026, 11, 23)


class Store(ThreadingHTTPServer):
    """Answers each GET after `delay` seconds, as many at once as are asked."""

    daemon_threads = True
    request_queue_size = 64
    delay = 0.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def do_GET(self) -> None:
        """One object."""
        time.sleep(self.server.delay)
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
        """Silence."""


def serve(delay: float, port: Connection) -> None:
    """The store's process."""
    store = Store(("127.0.0.1", 0), _Handler)
    store.delay = delay
    port.send(store.server_address[1])
    store.serve_forever()


def seconds(port: int, objects: int, at_once: int) -> float:
    """Seconds until all bodies are there."""
    environ = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "SLUICE_BUCKET": "lake-bucket"}
    bucket = Bucket(clients(load_settings(CommonSettings, environ)), "lake-bucket")
    raws = [RawObject(f"events/{n}.csv", len(BODY), "1", 0, DAY, 14) for n in range(objects)]
    # The number is the module's own: the same for every release.
    fetch.SIDE_BY_SIDE = at_once  # type: ignore[misc]
    started = time.monotonic()
    found = sum(body.content == BODY for body in fetch.fetch(bucket, raws, ahead=2**24))
    if found != objects:
        raise SystemExit(f"{found} of {objects} objects came")
    return time.monotonic() - started


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--delays", default="0.03,0.1")
    options = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    console = Console()
    at_once = fetch.SIDE_BY_SIDE
    for delay in map(float, options.delays.split(",")):
        ours, theirs = multiprocessing.Pipe()
        store = multiprocessing.Process(target=serve, args=(delay, theirs), daemon=True)
        store.start()
        port = ours.recv()
        taken = {number: seconds(port, options.objects, number) for number in (1, at_once)}
        store.terminate()
        store.join()
        console.print(
            f"{options.objects:,} GETs of {delay * 1000:g} ms: "
            + ", ".join(f"{n} at a time {took:.1f} s" for n, took in taken.items())
            + f" ({taken[1] / taken[at_once]:.1f} times)"
        )


if __name__ == "__main__":
    main()
