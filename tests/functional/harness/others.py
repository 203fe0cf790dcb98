"""Sources that speak like others: generated events of our own making in the shapes of three public streams."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice_core.testing import Answer, Request, SseServer

START = datetime(2026, 11, 23, 13, 58, tzinfo=UTC)
TOPIC = "eqiad.mediawiki.page_change.v1"
OTHER_TOPIC = "codfw.mediawiki.page_change.v1"


@dataclass
class Told:
    """An event that must become a row: its id, its time, values of some columns."""

    event_id: str
    at: datetime
    values: dict[str, Any] = field(default_factory=dict)


class Others:
    """A source whose connections follow `script`; it is `finished` once that has handed out everything."""

    preset = "generic"

    def __init__(
        self, told: Sequence[Told], script: Callable[[Request, "Others"], Answer], query: str = ""
    ) -> None:
        self.told = list(told)
        self.done = threading.Event()
        self._server = SseServer(lambda request: script(request, self))
        self.url = self._server.url + query

    @property
    def requests(self) -> list[Request]:
        """What was asked."""
        return self._server.requests

    @property
    def finished(self) -> bool:
        """Whether the last event has been handed out."""
        return self.done.is_set()

    def expected(self) -> list[str]:
        """Ids of the events that must become rows, as often as they must."""
        return [event.event_id for event in self.told]

    def close(self) -> None:
        """Ends every connection."""
        self._server.close()

    def last(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, after which everything has been handed out."""
        yield from chunks
        self.done.set()


def _at(n: int) -> datetime:
    return START + timedelta(seconds=7 * n, milliseconds=250)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mastodon(token_header: tuple[str, str] | None) -> Others:
    """Statuses, edits and deletes without SSE ids; every tenth status comes twice, word for word.

    `token_header`: name and value without which it answers 401.
    """
    frames: list[bytes] = [b":)\n"]
    told: list[Told] = []

    def status(n: int, edited: datetime | None) -> None:
        kind = "status.update" if edited else "update"
        value = {
            "id": str(115_600_000_000_000_000 + n),
            "created_at": _text(_at(n)),
            "edited_at": _text(edited) if edited else None,
            "language": None if n % 3 else "eo",
            "sensitive": n % 5 == 0,
            "content": f"<p>Saluton {n} \u2028 ✓</p>",
            "account": {"id": "7", "acct": f"ada{n % 4}@mastodon.example", "bot": n % 4 == 0},
            "tags": [{"name": "sse"}] * (n % 2),
        }
        data = json.dumps(value, ensure_ascii=n % 2 == 0).encode()
        frames.append(b"event: %b\ndata: %b\n\n:thump\n" % (kind.encode(), data))
        told.append(
            Told(
                hashlib.sha256(data).hexdigest(),
                edited or _at(n),
                {"kind": kind, "id": value["id"], "bot": n % 4 == 0, "content": value["content"]},
            )
        )

    for n in range(120):
        status(n, None)
        if n % 10 == 0:
            status(n, None)
        if n % 4 == 0:
            status(n, _at(n) + timedelta(hours=2))
        if n % 6 == 0:
            frames.append(b"event: delete\ndata: %d\n\n" % (115_600_000_000_000_000 + n))

    def script(request: Request, source: Others) -> Answer:
        if token_header and request.headers.get(token_header[0].lower()) != token_header[1]:
            return Answer([b'{"error":"no token"}'], 401, content_type="application/json")
        return Answer(source.last(iter(frames if not source.done.is_set() else [])), hang=True)

    return Others(told, script)


def stellar() -> Others:
    """Ledgers with SSE ids; each connection begins with a greeting and ends politely after fifty."""
    events: list[tuple[str, bytes]] = []
    told: list[Told] = []
    for n in range(160):
        cursor = str((57_344 + n) * 2**32)
        coins = f"105443902087.{n:07d}"
        value = {
            "id": hashlib.sha256(cursor.encode()).hexdigest(),
            "paging_token": cursor,
            "hash": hashlib.sha256(cursor.encode()).hexdigest(),
            "sequence": 57_344 + n,
            "closed_at": _text(_at(n)),
            "total_coins": coins,
            "base_fee_in_stroops": 100,
            "successful_transaction_count": n % 9,
        }
        events.append((cursor, json.dumps(value).encode()))
        told.append(
            Told(
                cursor,
                _at(n),
                {"cursor": cursor, "total_coins": coins, "sequence": 57_344 + n, "base_fee": 100},
            )
        )

    def frames(first: int) -> Iterator[bytes]:
        yield b'retry: 1000\nevent: open\ndata: "hello"\n\n'
        for cursor, data in events[first : first + 50]:
            yield b"id: %b\ndata: %b\n\n" % (cursor.encode(), data)
        if first + 50 < len(events):
            yield b'retry: 10\nevent: close\ndata: "byebye"\n\n'

    def script(request: Request, source: Others) -> Answer:
        cursor = request.headers.get("last-event-id")
        first = 0 if cursor is None else [name for name, _ in events].index(cursor) + 1
        rest = frames(first)
        if first + 50 < len(events):
            return Answer(rest)
        return Answer(source.last(rest), hang=True)

    return Others(told, script)


def page_change() -> Others:
    """Page changes behind Kafka's positions, with canaries; the first two connections are cut in an event."""
    log: list[tuple[int, bytes]] = []
    told: list[Told] = []
    for n in range(150):
        canary = n % 25 == 13
        moment = _at(n)
        value = {
            "$schema": "/mediawiki/page/change/1.2.0",
            "meta": {
                "id": f"page-change-{n}",
                "domain": "canary" if canary else "eo.wiki.example",
                "dt": _text(moment + timedelta(hours=1)),
                "stream": "mediawiki.page_change.v1",
                "topic": TOPIC,
                "partition": 0,
                "offset": n,
            },
            "dt": _text(moment),
            "wiki_id": "eowiki",
            "page_change_kind": "edit" if n % 5 else "create",
            "page": {"page_id": n, "page_title": f"Paĝo {n}", "is_redirect": n % 7 == 0},
            "performer": {"user_text": f"Uzanto {n % 4}", "is_bot": n % 4 == 0, "groups": ["user"]},
            "revision": {"rev_id": 2**40 + n, "rev_size": 100 + n, "comment": "x" if n % 2 else ""},
        }
        if n % 5:
            value["prior_state"] = {"revision": {"rev_size": 90 + n}}
        at = int(moment.timestamp() * 1000) + (n % 3) * 100
        log.append((at, json.dumps(value, ensure_ascii=False).encode()))
        if not canary:
            told.append(
                Told(
                    f"page-change-{n}",
                    moment,
                    {
                        "title": f"Paĝo {n}",
                        "size": 100 + n,
                        "size_before": 90 + n if n % 5 else None,
                        "revision": 2**40 + n,
                        "groups": '["user"]',
                    },
                )
            )

    def frames(first: int, last: int, *, cut: bool) -> Iterator[bytes]:
        yield b":ok\n\n"
        for at, data in log[first:last]:
            position = (
                f'[{{"topic":"{TOPIC}","partition":0,"timestamp":{at + 1}}},'
                f'{{"topic":"{OTHER_TOPIC}","partition":0,"offset":-1}}]'
            )
            yield b"event: message\nid: %b\ndata: %b\n\n" % (position.encode(), data)
        if cut:
            yield b'event: message\nid: [{"topic":"x","timestamp":99999999999999}]\ndata: {"cut'

    def script(request: Request, source: Others) -> Answer:
        first = 0
        if "last-event-id" in request.headers:
            entries = json.loads(request.headers["last-event-id"])
            place = next(entry["timestamp"] for entry in entries if entry["topic"] == TOPIC)
            first = next(n for n, (at, _) in enumerate(log) if at >= place)
        if request.number < 2:
            return Answer(frames(first, first + 55, cut=True), cut=True)
        return Answer(source.last(frames(first, len(log), cut=False)), hang=True)

    return Others(told, script, f"?since={_text(START)}")
