"""libcurl's side of a request: sent once, bounded, over connections that stay, from any thread."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from sluice_core.aws import curl
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.errors import TemporaryError, UnexpectedAnswerError

ALL = b'{"Successful": [{"Id": "0"}]}'


@pytest.fixture
def queue(connected, loopback):
    loopback.answer = loopback.Answer(body=ALL)
    return Queue(connected("libcurl"), f"{loopback.url}/000000000000/q")


def test_a_connection_is_used_again(queue, loopback):
    queue.send([OutMessage("a")])
    before = loopback.connections
    for _ in range(20):
        assert queue.send([OutMessage("a")]) == []
    assert loopback.connections == before


@pytest.mark.parametrize("end", ["reset", "end"])
def test_a_lost_reply_on_a_used_connection_is_not_asked_for_again(queue, loopback, end):
    """libcurl would send the body a second time by itself: each message twice in the queue."""
    queue.send([OutMessage("first")])
    before = loopback.connections
    loopback.answer = loopback.Answer(reset=end == "reset", silent=end == "end")
    with pytest.raises(TemporaryError):
        queue.send([OutMessage(f"once, {end}")])
    assert loopback.connections == before
    assert [f"once, {end}".encode() in seen.body for seen in loopback.requests].count(True) == 1
    loopback.answer = loopback.Answer(body=ALL)
    assert queue.send([OutMessage("next")]) == []


def test_a_connection_that_was_closed_meanwhile_costs_nothing(queue, connected, loopback):
    kept = Queue(connected("libcurl"), queue.url)
    assert kept.send([OutMessage("another's, which stays")]) == []
    loopback.answer = loopback.Answer(body=ALL, close=True)
    for _ in range(5):
        assert queue.send([OutMessage("a")]) == []
        loopback.ended()


def test_threads_share_the_client(queue, loopback):
    loopback.answer = lambda seen: loopback.Answer(body=seen.body)
    wrong = []

    def ask(name):
        for number in range(50):
            document = queue._hot._ask("Echo", None, {"name": name, "number": number})
            if document != {"name": name, "number": number}:
                wrong.append(document)

    threads = [threading.Thread(target=ask, args=(f"thread-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_reply_has_a_limit(queue, loopback, monkeypatch):
    monkeypatch.setattr(curl, "MAX_REPLY_BYTES", 1000)
    queue._hot._http = curl.Http()  # its handles are made with the limit in force
    loopback.answer = loopback.Answer(body=b" " * 1001)
    with pytest.raises(UnexpectedAnswerError, match="more than 1000 bytes"):
        queue.receive(wait_seconds=0)


def test_silence_ends(queue, loopback, monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(curl, "SILENCE_SECONDS", 1)
    queue._hot._http = curl.Http()
    loopback.answer = lambda _: (held.wait(60), loopback.Answer())[1]
    try:
        with pytest.raises(TemporaryError, match="CurlError: Operation too slow"):
            queue.receive(wait_seconds=0)
    finally:
        held.set()


def test_a_large_body_arrives_whole(connected, loopback):
    loopback.answer = loopback.Answer(headers={"ETag": '"e"'})
    body = bytes(range(256)) * 20_000
    Bucket(connected("libcurl"), "bucket").put("k", body)
    assert loopback.requests[-1].body == body


def test_what_was_carried_is_let_go(queue, loopback):
    queue.send([OutMessage("x" * 1000)])
    (handle,) = queue._hot._http._idle
    assert (handle._body, handle._head, handle._parts) == (b"", [], [])


POLL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with it ignored
from sluice_core.aws import clients
from sluice_core.aws.sqs import Queue
from sluice_core.settings import CommonSettings, load_settings
Queue(clients(load_settings(CommonSettings)), "http://q/000000000000/q").receive()
"""


def test_a_signal_gets_through_to_a_tool_that_polls(loopback):
    """libcurl in the main thread would keep Ctrl-C waiting for the poll's end."""
    arrived, held = threading.Event(), threading.Event()
    loopback.answer = lambda _: (arrived.set(), held.wait(60), loopback.Answer())[2]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    program = subprocess.Popen(
        [sys.executable, "-c", POLL],
        env={**os.environ, **keys, "AWS_ENDPOINT_URL": loopback.url},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert arrived.wait(60)
        program.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in program.communicate(timeout=30)[1]
    finally:
        held.set()
        program.kill()
