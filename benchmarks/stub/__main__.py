"""`python -m stub PORT [--visibility S]`: the stub, until it is told to end.

`/_stub/load?file=&count=&kind=`: kind `plain` (an event a line), `packed` (a message's JSON a line) or `sse`
(with `rate`: so many events a second); `times`: load it so often; `forward`: what is sent can be received;
`/_stub/open`: the gate; `/_stub/stats`; `/_stub/dump?folder=`: objects and sent messages into files.
"""

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from stub.http import Connection, Request
from stub.s3 import Bucket
from stub.sqs import QUEUE_PATH, Queue
from stub.sse import Stream
from stub.stats import Stats


class Stub:
    """All three services, and how a benchmark steers them."""

    def __init__(self, port: int, visibility: float) -> None:
        self.stats = Stats()
        self.queue = Queue(self.stats, f"http://127.0.0.1:{port}", visibility)
        self.bucket = Bucket(self.stats)
        self.stream = Stream(self.stats)

    def handle(self, request: Request) -> None:
        """Leads a request to its service."""
        path = request.path
        if request.method == b"POST" and path.partition("?")[0] in ("/", QUEUE_PATH):
            self.queue.handle(request)
        elif path.startswith("/sse"):
            self.stream.handle(request)
        elif path.startswith("/_stub/"):
            asked = urlsplit(path)
            given = {name: values[0] for name, values in parse_qs(asked.query).items()}
            body = json.dumps(self.steer(asked.path.removeprefix("/_stub/"), given)).encode()
            request.connection.answer(200, body)
        else:
            self.bucket.handle(request)

    def steer(self, command: str, given: dict[str, str]) -> dict[str, object]:
        """One command of the benchmark; answers with what was asked."""
        if command == "load":
            self.stats.__init__()
            self.bucket.objects.clear()
            file, count, kind = Path(given["file"]), int(given["count"]), given["kind"]
            self.queue.forward = "forward" in given
            if kind == "sse":
                self.queue.load([])
                self.stream.load(file, count, float(given.get("rate", 0)))
            else:
                lines = file.read_text().split("\n", count)[:count]
                packed = kind == "packed"
                messages = [_packed(line) if packed else (line, {}) for line in lines]
                self.queue.load(messages * int(given.get("times", 1)))
        elif command == "open":
            self.queue.open_gate()
            self.stream.open_gate()
        elif command == "dump":
            folder = Path(given["folder"])
            self.bucket.dump(folder / "objects")
            (folder / "sent").write_text("\n".join(self.queue.sent))
        return asdict(self.stats)


def _packed(line: str) -> tuple[str, dict[str, object]]:
    message = json.loads(line)
    return message["body"], message["attributes"]


async def serve(port: int, visibility: float) -> None:
    """Listens on loopback."""
    stub = Stub(port, visibility)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stub.handle), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(prog="stub", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--visibility", type=float, default=120.0)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.visibility))


if __name__ == "__main__":
    main()
