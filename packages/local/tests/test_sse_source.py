"""The built-in source speaks EventStreams' protocol: ids, resume, cuts and refusals, over real HTTP."""

import hashlib
import http.client
import json
import threading
import time
from urllib.parse import quote

import pytest
from sluice_local.events import OTHER_TOPIC, TOPIC, EventStream
from sluice_local.sse import (
    EventLog,
    Faults,
    ServerOptions,
    SourceLedgerFile,
    SseServer,
    parse_fault,
)
from sluice_local.sse.position import BadPositionError, parse_time

START = 1_795_458_434_000
PATH = "/v2/stream/recentchange"


class Reply:
    """A response read to its end: status, headers, and the frames as (id, data)."""

    def __init__(self, server, since=None, last_id=None, limit=None):
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        query = "" if since is None else f"?since={quote(str(since))}"
        self._connection.request("GET", PATH + query, headers=headers)
        response = self._connection.getresponse()
        self.status, self.headers = response.status, dict(response.getheaders())
        self.cut = False
        body = b""
        try:
            while chunk := response.read1(65536):
                body += chunk
                if limit is not None and body.count(b"\n\n") > limit:
                    break
        except (http.client.IncompleteRead, ConnectionError):
            self.cut = True
        self._connection.close()
        self.body = body
        *blocks, self.rest = body.split(b"\n\n") if self.status == 200 else [body]
        self.frames = [_frame(block) for block in blocks if not block.startswith(b":")]

    @property
    def ids(self):
        return [json.loads(data)["meta"]["id"] for _, data in self.frames]

    @property
    def problem(self):
        return json.loads(self.body)


def _frame(block):
    fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
    return fields.get(b"id", b"").decode(), fields[b"data"]


def serve(count=700, rate=0.0, *, faults=(), ledger=None, interval_ms=25.0, **options):
    log = EventLog(7, count, rate, start_ms=START, interval_ms=interval_ms, ledger=ledger)
    options.setdefault("at_end", "end")
    return SseServer(log, ServerOptions(faults=Faults(*map(parse_fault, faults)), **options))


def stream(interval_ms=25.0):
    return EventStream(7, START, interval_ms)


def test_preamble_fields_and_every_event_in_order():
    with serve() as server:
        reply = Reply(server)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert reply.body.startswith(b":ok\n\nevent: message\nid: [{")
    assert reply.ids == [stream().event_id(n) for n in range(700)]
    assert [data for _, data in reply.frames] == [stream().event(n) for n in range(700)]


def test_ids_hold_the_kafka_timestamp_plus_one_and_the_silent_topic_at_minus_one():
    with serve() as server:
        reply = Reply(server)
    for n, (text, _) in enumerate(reply.frames[:600]):
        assert json.loads(text) == [
            {"topic": TOPIC, "partition": 0, "timestamp": stream().timestamp(n) + 1},
            {"topic": OTHER_TOPIC, "partition": 0, "offset": -1},
        ]
    canary = json.loads(reply.frames[600][0])
    assert canary[1] == {
        "topic": OTHER_TOPIC,
        "partition": 0,
        "timestamp": stream().timestamp(600) + 1,
    }
    assert canary[0]["timestamp"] == stream().timestamp(599) + 1
    assert json.loads(reply.frames[601][0])[1] == canary[1]


@pytest.mark.parametrize("n", [0, 1, 17, 300, 650])
def test_resume_by_timestamp_starts_at_the_first_offset_not_before_it(n):
    asked = stream().timestamp(n)
    with serve() as server:
        last_id = json.dumps(
            [{"topic": t, "partition": 0, "timestamp": asked} for t in (TOPIC, OTHER_TOPIC)]
        )
        reply = Reply(server, last_id=last_id)
        since = Reply(server, since=asked)
    first = {t: stream().first_at(asked, t, 700) for t in (TOPIC, OTHER_TOPIC)}
    expected = [stream().event_id(k) for k in range(700) if k >= first[stream().topic(k)]]
    assert reply.ids == expected == since.ids
    assert stream().event_id(n) in expected


def test_after_a_resume_by_timestamp_the_silent_topic_stands_with_an_offset():
    with serve() as server:
        entry = json.loads(Reply(server, since=START).frames[0][0])[1]
    assert entry == {"topic": OTHER_TOPIC, "partition": 0, "offset": 0}


def test_resume_by_offset():
    offset = json.loads(stream().event(40))["meta"]["offset"]
    with serve() as server:
        last_id = json.dumps([{"topic": TOPIC, "partition": 0, "offset": offset}])
        assert Reply(server, last_id=last_id, limit=5).ids[0] == stream().event_id(40)


def test_an_entry_with_both_offset_and_timestamp_is_dropped():
    both = {"topic": TOPIC, "partition": 0, "timestamp": START, "offset": 1}
    with serve() as server:
        assert len(Reply(server).ids) == 700
        assert Reply(server, last_id=json.dumps([both])).ids == []


@pytest.mark.parametrize("bad", ["{", "7", '["x"]', '[{"partition": 0}]'])
def test_a_malformed_last_event_id_is_refused(bad):
    with serve() as server:
        reply = Reply(server, last_id=bad)
    assert reply.status == 400
    assert "Last-Event-ID" in reply.problem["detail"]


def test_a_position_that_is_too_old_is_refused():
    with serve(retention=60) as server:
        Reply(server)
        newest = START + 699 * 25
        assert Reply(server, since=newest - 59_000).status == 200
        reply = Reply(server, since=newest - 61_000)
    assert reply.status == 400
    assert "older than what is kept" in reply.problem["detail"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1795458434000", START),
        ("2026-11-23T18:27:14Z", START),
        ("2026-11-23T18:27:14.000", START),
        ("2026-11-23T20:27:14 02:00", START),
        ("2026-11-23 18:27:14", START),
    ],
)
def test_times(text, expected):
    assert parse_time(text) == expected


def test_a_time_that_is_none():
    with pytest.raises(BadPositionError):
        parse_time("yesterday")


def test_a_cut_comes_once_before_its_event():
    with serve(faults=["cut@100"]) as server:
        first, again = Reply(server), Reply(server, since=START)
    assert first.cut
    assert first.ids == [stream().event_id(n) for n in range(100)]
    assert len(again.ids) == 700


def test_a_cut_in_the_middle_leaves_an_id_without_its_event():
    with serve(faults=["mid@100"]) as server:
        reply = Reply(server)
    assert reply.cut
    assert len(reply.ids) == 100
    assert reply.rest.startswith(b"event: message\nid: [{")
    assert b"\ndata: {" in reply.rest


def test_refusals_come_first():
    with serve(faults=["503x2", "429x1:7"]) as server:
        replies = [Reply(server) for _ in range(4)]
    assert [reply.status for reply in replies] == [503, 503, 429, 200]
    assert replies[2].headers["Retry-After"] == "7"


def test_silence_keeps_the_connection_open():
    with serve(faults=["silence@50"], max_connection=0.6) as server:
        began = time.monotonic()
        reply = Reply(server)
    assert len(reply.ids) == 50
    assert time.monotonic() - began >= 0.6


@pytest.mark.parametrize("bad", ["cut", "cut@-1", "503", "600x1", "mid@x"])
def test_a_fault_that_is_none(bad):
    with pytest.raises(ValueError, match="is no fault"):
        parse_fault(bad)


def test_connections_are_cut_after_their_time():
    with serve(count=None, rate=50, max_connection=0.5) as server:
        reply = Reply(server)
    assert not reply.cut
    assert 0 < len(reply.ids) < 100


def test_holding_at_the_end_sends_nothing_more():
    with serve(count=20, at_end="hold", max_connection=0.5) as server:
        assert len(Reply(server).ids) == 20


def test_stop_at_the_end_answers_204_to_who_has_everything():
    with serve(count=20, at_end="stop") as server:
        first = Reply(server)
        assert len(first.ids) == 20
        assert Reply(server, last_id=json.dumps([])).status == 204
        assert len(Reply(server, since=START).ids) == 20


def test_a_rate_paces_the_events():
    with serve(count=40, rate=100) as server:
        began = time.monotonic()
        assert len(Reply(server).ids) == 40
        assert time.monotonic() - began >= 0.39


def test_without_a_start_the_first_connection_starts_the_stream():
    now = [1_800_000_000.0]
    log = EventLog(7, 10, 0, now=lambda: now[0])
    now[0] += 60
    with SseServer(log, ServerOptions(at_end="end")) as server:
        assert len(Reply(server, since=1_800_000_060_000).ids) == 10
    assert log.open().start_ms == 1_800_000_060_000


def test_the_ledger_has_each_event_once_however_often_it_was_sent(tmp_path):
    path = tmp_path / "ledger"
    with serve(faults=["cut@300"], ledger=SourceLedgerFile(path)) as server:
        Reply(server)
        Reply(server, since=START)
        Reply(server, since=START)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["id"] for entry in entries] == [stream().event_id(n) for n in range(700)]
    assert [entry["n"] for entry in entries if entry["state"] == "canary"] == [600]


def test_the_ledger_has_events_that_a_client_passed_over_when_it_came_back(tmp_path):
    path = tmp_path / "ledger"
    with serve(faults=["cut@300"], ledger=SourceLedgerFile(path)) as server:
        Reply(server)
        again = Reply(server, since=stream().timestamp(500))
        assert stream().event_id(350) not in again.ids
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["id"] for entry in entries] == [stream().event_id(n) for n in range(700)]


def test_generic_streams_number_their_events(tmp_path):
    path = tmp_path / "ledger"
    with serve(count=30, dialect="generic", ledger=SourceLedgerFile(path)) as server:
        assert [text for text, _ in Reply(server).frames] == [str(n) for n in range(30)]
        resumed = Reply(server, last_id="11").frames
        assert [text for text, _ in resumed] == [str(n) for n in range(12, 30)]
        assert "meta" not in json.loads(resumed[0][1])
        assert Reply(server, last_id="x").status == 400
        first = Reply(server).frames[0]
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert len(set(ids)) == 30
    assert ids[0] == hashlib.sha256(b"0\xff" + first[1]).hexdigest()


def test_anonymous_streams_have_no_ids_and_their_ledger_has_hashes(tmp_path):
    path = tmp_path / "ledger"
    with serve(count=5, dialect="anonymous", ledger=SourceLedgerFile(path)) as server:
        frames = Reply(server).frames
    assert [text for text, _ in frames] == [""] * 5
    hashes = [hashlib.sha256(data).hexdigest() for _, data in frames]
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == hashes


def test_health_tells_how_far_it_is():
    with serve(count=10) as server:
        Reply(server)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/healthz")
        told = json.load(connection.getresponse())
        connection.request("GET", "/nothing")
        assert connection.getresponse().status == 404
        connection.close()
    assert told == {"status": "ok", "sent": 10, "count": 10, "finished": True}


def test_closing_ends_open_connections():
    server = serve(count=5, at_end="hold")
    replies = []
    reader = threading.Thread(target=lambda: replies.append(Reply(server)))
    reader.start()
    deadline = time.monotonic() + 30
    while not server.log.finished:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    server.close()
    reader.join(30)
    assert len(replies[0].ids) == 5
