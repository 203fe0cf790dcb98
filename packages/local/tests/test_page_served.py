"""What the page's server answers and refuses, and what a browser sees of a run."""

import http.client
import json
import threading
from types import SimpleNamespace

import pytest
from sluice_cli.verify.verdict import Messages
from sluice_core.aws.s3 import Stored
from sluice_core.deadletter import DeadLetter
from sluice_core.errors import ConfigError
from sluice_core.testing import FakeClock, FakeS3, FakeSqs
from sluice_local.page import Page
from sluice_local.page.server import MAX_STREAMS, Board, PageServer
from sluice_local.run.account import account_of
from sluice_local.run.scrape import Snapshot
from sluice_local.run.view import NoPage

KEY = "events/dt=2026-11-26/hour=02/batch-01a215ad-884b-7544-ae16-c659f10d4db6.csv"


@pytest.fixture
def served():
    board = Board()
    server = PageServer(board)
    yield board, server
    board.write({}, last=True)
    server.close()


def ask(server, path="/", method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    given_host = headers.pop("Host", f"127.0.0.1:{server.port}")
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": given_host, **headers}.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer, answer.read()


def test_every_answer_has_the_strict_policy(served):
    _, server = served
    for path in ("/", "/page.js", "/draw.js", "/page.css", "/icon.svg", "/api/state", "/nothing"):
        answer, _ = ask(server, path)
        policy = dict(
            part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Access-Control-Allow-Origin"] is None
        assert answer.status == (404 if path == "/nothing" else 200)


def test_the_page_has_no_script_or_style_in_its_markup(served):
    _, server = served
    page = ask(server)[1].decode()
    assert "<script>" not in page
    assert "<style" not in page
    assert "style=" not in page
    assert " on" + "click" not in page
    for path in ("/page.js", "/draw.js"):
        script = ask(server, path)[1].decode()
        assert not [
            word
            for word in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "document.write")
            if word in script
        ]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "[",
        "",
        None,
        "localhost@evil.example",
    ],
)
def test_a_name_that_was_rebound_is_refused(served, host):
    board, server = served
    board.write({"secret": 1})
    for path in ("/", "/api/state", "/api/events"):
        answer, body = ask(server, path, Host=host)
        assert answer.status == 421
        assert b"secret" not in body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1:9", "[::1]:80"])
def test_this_machine_is_known_by_its_names_also_behind_a_tunnel(served, host):
    assert ask(served[1], "/api/state", Host=host)[0].status == 200


def test_another_sites_script_is_refused(served):
    _, server = served
    own = f"http://127.0.0.1:{server.port}"
    assert ask(server, "/api/events", Origin="https://evil.example")[0].status == 403
    assert ask(server, "/api/state", Origin="null")[0].status == 403
    assert ask(server, "/api/state", Origin=own)[0].status == 200


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("cross-site", "cors", 403),
        ("cross-site", None, 403),
        ("same-site", "no-cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
        ("same-origin", "no-cors", 200),
        ("none", "navigate", 200),
    ],
)
def test_another_site_takes_nothing_in_and_may_link_to_the_page(served, site, mode, status):
    """A `<img>`, a `<script>` and `fetch(…, {mode: "no-cors"})` send no Origin."""
    board, server = served
    board.write({"secret": 1})
    for path in ("/", "/page.js", "/api/state"):
        answer, body = ask(server, path, **{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
        assert answer.status == status
        assert status == 200 or b"secret" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_only_get_is_answered(served, method):
    answer, _ = ask(served[1], "/api/state", method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    "path", ["/../page.py", "/static/page.css", "/page.css/", "/%2e%2e/server.py", "http://[/"]
)
def test_only_its_own_files_are_served(served, path):
    assert ask(served[1], path)[0].status in (400, 404)


def stream(server, found, opened):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/api/events")
    answer = connection.getresponse()
    found.append(answer.status)
    opened.release()
    for line in answer:
        if line.startswith(b"data: "):
            found.append(json.loads(line[6:]))
            opened.release()


def test_a_stream_gets_each_state_up_to_the_last_and_ends(served):
    board, server = served
    board.write({"n": 1})
    found, moved = [], threading.Semaphore(0)
    reader = threading.Thread(target=stream, args=(server, found, moved), daemon=True)
    reader.start()
    assert moved.acquire(timeout=10)
    assert moved.acquire(timeout=10)
    board.write({"n": "\u2028\n2"})
    assert moved.acquire(timeout=10)
    board.write({"n": 3}, last=True)
    board.write({"n": 4})
    reader.join(10)
    assert found == [200, {"n": 1}, {"n": "\u2028\n2"}, {"n": 3}]
    assert json.loads(ask(server, "/api/state")[1]) == {"n": 3}


def test_so_many_streams_and_no_more(served):
    board, server = served
    board.write({"n": 1})
    found, moved = [], threading.Semaphore(0)
    readers = [
        threading.Thread(target=stream, args=(server, found, moved), daemon=True)
        for _ in range(MAX_STREAMS)
    ]
    for reader in readers:
        reader.start()
    for _ in range(2 * MAX_STREAMS):
        assert moved.acquire(timeout=10)
    assert ask(server, "/api/events")[0].status == 503
    assert ask(server, "/api/state")[0].status == 200
    board.write({}, last=True)
    for reader in readers:
        reader.join(10)
    assert found.count({}) == MAX_STREAMS


def verdict(path, *rows):
    """On a lake with these rows, of a source that gave a and b."""
    path.mkdir()
    (path / "batch-1.csv").write_text("n,event_id\n" + "".join(f"1,{row}\n" for row in rows))
    ledger = path.parent / "ledger"
    ledger.write_text("".join(json.dumps({"id": n, "state": "sent"}) + "\n" for n in "ab"))
    return account_of(ledger, None, path, Messages())


class Silent:
    def show(self, snapshot, seconds, phase): ...
    def say(self, line): ...
    def __enter__(self):
        return self

    def __exit__(self, *_): ...


def read(page):
    return json.loads(ask(page, "/api/state")[1])


class Asked:
    def __init__(self, page):
        self.port = int(page.url.split(":")[2].strip("/"))


def test_a_page_from_its_start_to_the_account(tmp_path):
    with Page() as page:
        address = Asked(page)
        assert read(address)["phase"] == "starting"
        with page.beside(Silent(), "a\u202esource") as view:
            view.show(Snapshot(received=3, newest_objects=(Stored(KEY, 5, ""),)), 1.5, "running")
            view.say("queue or bucket was gone: made again")
        now = read(address)
        assert (now["phase"], now["seconds"], now["source"]) == ("running", 1.5, "a\\u202esource")
        assert now["counts"]["received"] == 3
        assert now["said"] == ["queue or bucket was gone: made again"]
        found, moved = [], threading.Semaphore(0)
        reader = threading.Thread(target=stream, args=(address, found, moved), daemon=True)
        reader.start()
        assert moved.acquire(timeout=10)
        page.phase("accounting")
        assert read(address)["phase"] == "accounting"
        page.account(verdict(tmp_path / "events", "a", "b"), 2.0)
        now = read(address)
        assert now["over"]["verdict"] == "nothing is lost"
        assert (now["counts"]["rows"], now["ended"]) == (2, False)
    reader.join(10)
    assert found[-1]["phase"] == "done"
    assert found[-1]["ended"] is True
    assert found[-1]["over"]["verdict"] == "nothing is lost"
    assert found[-1]["counts"]["rows"] == 2


def test_what_came_last_is_read_and_shown(tmp_path):
    asked, go = threading.Event(), threading.Event()

    def slow(action):
        if action == "get":
            asked.set()
            assert go.wait(10)

    bucket, dlq = FakeS3(before=slow), FakeSqs(FakeClock())
    bucket.put(KEY, b"id\n1\n")
    dlq.put_message(DeadLetter("{", "not-json", "why").to_message())
    (stored,) = bucket.list()
    last = Snapshot(rows=1, newest_objects=(stored,), dead_letters=1)
    with Page() as page:
        address = Asked(page)
        with page.reading(SimpleNamespace(bucket=bucket, dlq=dlq), "events"):
            page.show(last, 3.0, "copying the files")
            assert asked.wait(10)
            assert read(address)["rows"]["rows"] == []
            go.set()
        now = read(address)
        assert now["rows"]["rows"] == [["1"]]
        assert [letter["reason"] for letter in now["dead_letters"]["some"]] == ["not-json"]
        page.account(verdict(tmp_path / "events", "a", "b"), 2.0)
        assert read(address)["rows"]["rows"] == [["1"]]


def test_a_run_that_fails_says_why_on_the_page():
    found, moved = [], threading.Semaphore(0)
    readers = []

    def fail():
        with Page() as page:
            reader = threading.Thread(target=stream, args=(Asked(page), found, moved), daemon=True)
            readers.append(reader)
            reader.start()
            assert moved.acquire(timeout=10)
            raise ConfigError("batcher ended; its last lines:\n<b>\x1b[31mno\x1b[0m</b>")

    with pytest.raises(ConfigError):
        fail()
    readers[0].join(10)
    assert found[-1]["phase"] == "failed"
    assert found[-1]["over"]["said"] == [
        "batcher ended; its last lines:\n<b>\\u001b[31mno\\u001b[0m</b>"
    ]


def test_a_port_that_is_taken_is_said_with_the_options_name():
    with Page() as page, pytest.raises(ConfigError, match="--page-port"):
        Page(Asked(page).port)


def test_no_page_is_nothing():
    view = Silent()
    assert NoPage().beside(view, "x") is view
