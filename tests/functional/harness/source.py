"""Sources: the built-in one with its ledger, and one that sends exactly the frames that a test names."""

import json
from collections.abc import Sequence
from pathlib import Path

from sluice_core.testing import Answer, Request, SseServer
from sluice_local.sse import EventLog, Faults, ServerOptions, parse_fault
from sluice_local.sse import SseServer as BuiltIn
from sluice_local.sse.log import SourceLedgerFile

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
            seed,
            count,
            rate,
            start_ms=start_ms,
            interval_ms=interval_ms,
            ledger=SourceLedgerFile(ledger),
        )
        self._server = BuiltIn(
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
        self._server = SseServer(self._answer)
        self.url = self._server.url

    def _answer(self, request: Request) -> Answer:
        last = request.headers.get("last-event-id")
        self.requests.append(last)
        first = int(last) + 1 if last else 0
        frames = (
            b"id: %d\ndata: %s\n\n" % (number, event)
            for number, event in enumerate(self.events[first:], first)
        )
        return Answer(frames, hang=True)

    @property
    def finished(self) -> bool:
        """It sends what it has at once, so a request is enough."""
        return bool(self.requests)

    def expected(self) -> list[str]:
        """Ids of the events that must become rows."""
        return self._expected

    def close(self) -> None:
        """Ends every connection."""
        self._server.close()
