"""The events as an SSE stream, in chunks of one event or of many, behind the same gate."""

import asyncio
from pathlib import Path
from typing import Final

from stub.http import Request
from stub.stats import Stats

_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_ID: Final = b'event: message\nid: [{"topic":"eqiad.mediawiki.recentchange","partition":0,"timestamp":%d}]\ndata: '
_FIRST_TIMESTAMP: Final = 1_790_000_000_000
_BLOCK: Final = 64 * 1024


class Stream:
    """Serves what `load` was given to each reader, once the gate is open; then keeps the connection."""

    def __init__(self, stats: Stats) -> None:
        self.stats = stats
        self._frames: list[bytes] = []
        self._rate = 0.0
        self._gate = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, file: Path, count: int, rate: float = 0.0) -> None:
        """Reads `count` events, a line each; the gate is closed. `rate`: events a second, 0: as fast as can be."""
        self._gate.clear()
        self._rate = rate
        lines = file.read_bytes().split(b"\n", count)[:count]
        self._frames = [
            _ID % (_FIRST_TIMESTAMP + n) + line + b"\n\n" for n, line in enumerate(lines)
        ]

    def open_gate(self) -> None:
        """From now on events flow."""
        self._gate.set()

    def handle(self, request: Request) -> None:
        """Answers a reader; `?chunk=event` sends a chunk for each event, else 64 KiB at once."""
        task = asyncio.get_running_loop().create_task(
            self._serve(request, single="chunk=event" in request.path)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: Request, *, single: bool) -> None:
        connection = request.connection
        connection.transport.write(_HEAD)
        self.stats.readers += 1
        await self._gate.wait()
        held, size = [], 0
        for frame in self._frames:
            held.append(b"%x\r\n%s\r\n" % (len(frame), frame) if single else frame)
            size += len(frame)
            if self._rate:
                await asyncio.sleep(1 / self._rate)
            if size >= _BLOCK or self._rate:
                connection.transport.write(_chunks(held, single=single))
                held, size = [], 0
                await connection.writable.wait()
                if connection.closed:
                    return
        if held:
            connection.transport.write(_chunks(held, single=single))


def _chunks(held: list[bytes], *, single: bool) -> bytes:
    body = b"".join(held)
    return body if single else b"%x\r\n%s\r\n" % (len(body), body)
