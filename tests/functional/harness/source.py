"""Sources: the built-in one with its ledger, and one that sends exactly the frames that a test names."""

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sluice_local.sse import EventLog, Faults, ServerOptions, SseServer, parse_fault
from sluice_local.sse.log import FileLedger

ENDLESS = 10**9
"""A count for a stream that lives until `Source.finish`: no test then races with the end of the events."""


class Source:
    """Sluice's built-in SSE server in this process, with a ledger on disk."""

    def __init__(
        self,
        ledger: Path,
        count: int,
        *,
        rate: float = 0,
        seed: int = 1,
        start_ms: int | None = None,
        interval_ms: float | None = None,
        faults: Sequence[str] = (),
        port: int = 0,
        **options: object,
    ) -> None:
        self.ledger = ledger
        self.log = EventLog(
            seed, count, rate, start_ms=start_ms, interval_ms=interval_ms, ledger=FileLedger(ledger)
        )
        self._server = SseServer(
            self.log,
            ServerOptions(faults=Faults(*map(parse_fault, faults)), **options),  # type: ignore[arg-type]
            port=port,
        )
        self.url = self._server.url
        self.port = self._server.port
        self.preset = "wikimedia" if self._server.options.dialect == "eventstreams" else "generic"

    @property
    def finished(self) -> bool:
        """Whether every event was handed out at least once."""
        return self.log.finished

    def expected(self) -> list[str]:
        """Ids of all events handed out so far that must become rows, in the source's order."""
        entries = (json.loads(line) for line in self.ledger.read_text().splitlines())
        return [entry["id"] for entry in entries if entry["state"] == "offered"]

    def finish(self) -> None:
        """Lets an endless stream end: what exists by now and a little more is all that there will be."""
        self.log.count = self.log.available() + 100

    def close(self) -> None:
        """Ends every connection."""
        self._server.close()


class ScriptedSource:
    """Sends each (id, data) once, in order, then holds the connection; resumes after Last-Event-ID.

    `data` is sent as it is: one line, whatever its content. `requests` keeps each request's Last-Event-ID.
    """

    preset = "generic"

    def __init__(self, events: Sequence[bytes], expected: Sequence[str]) -> None:
        self.events = list(events)
        self.requests: list[str | None] = []
        self._expected = list(expected)
        self._stop = threading.Event()
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                last = self.headers.get("Last-Event-ID")
                source.requests.append(last)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for n in range(int(last) + 1 if last else 0, len(source.events)):
                    self.wfile.write(b"id: %d\ndata: %s\n\n" % (n, source.events[n]))
                self.wfile.flush()
                source._stop.wait()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def finished(self) -> bool:
        """It sends what it has at once, so a request is enough."""
        return bool(self.requests)

    def expected(self) -> list[str]:
        """Ids of the events that must become rows."""
        return self._expected

    def close(self) -> None:
        """Ends every connection."""
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
