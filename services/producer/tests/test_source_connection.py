"""One connection over a real socket: what is asked, how it ends, how it is interrupted."""

import base64
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme
from sluice_core.testing import Answer, Request, SseServer
from sluice_producer.source.connection import (
    Broken,
    HttpSource,
    Resume,
    SourceRefused,
    Stream,
    retry_after,
)
from sluice_producer.source.parser import SourceEvent
from sluice_producer.testing import frame


def source(url: str, idle: float = 10.0, max_event: int = 1 << 20) -> HttpSource:
    return HttpSource(url, "test (mailto:a@example.org)", idle, max_event)


def read(stream: Stream) -> tuple[list[SourceEvent], str]:
    """All events, and how the stream ended."""
    events: list[SourceEvent] = []
    try:
        for event in stream:
            events.append(event)  # noqa: PERF402  (kept when the iteration raises)
    except Broken as broken:
        return events, broken.cause
    finally:
        stream.close()
    raise AssertionError("a stream ends by raising Broken")


def test_events_arrive_and_the_end_is_told() -> None:
    with SseServer(lambda _r: Answer([b":ok\n\n", frame("1", sse_id="a"), frame("2")])) as server:
        events, cause = read(source(server.url).open(Resume(), 0))
    assert [(e.data, e.last_event_id) for e in events] == [("1", "a"), ("2", "a")]
    assert cause == "end"


def test_what_is_asked() -> None:
    with SseServer(lambda _r: Answer([frame("1")])) as server:
        resume = Resume({"since": "2025-01-01T00:00:00Z"}, {"Last-Event-ID": "é\u2028"}, "é")
        events, _ = read(source(server.url).open(resume, 0))
        (asked,) = server.requests
    assert asked.query == {"since": "2025-01-01T00:00:00Z"}
    assert asked.headers["last-event-id"].encode("latin-1").decode() == "é\u2028"
    assert asked.headers["user-agent"] == "test (mailto:a@example.org)"
    assert asked.headers["accept"] == "text/event-stream"
    assert asked.headers["cache-control"] == "no-cache"
    assert events[0].last_event_id == "é"


SECRETS = ("hunter2-pw", "t0ken-of-mine", "k3y-of-mine")


def secretive(url: str) -> HttpSource:
    """A source with a secret in each place where one may be."""
    scheme, rest = url.split("://")
    return HttpSource(
        f"{scheme}://me:hunter2-pw@{rest}?access_token=t0ken-of-mine",
        "test",
        5.0,
        1 << 20,
        headers={"X-Key": "k3y-of-mine"},
    )


def test_headers_and_the_url_s_user_and_query_are_sent() -> None:
    with SseServer(lambda _r: Answer([frame("1")])) as server:
        read(secretive(server.url).open(Resume({"since": "x"}), 0))
        (asked,) = server.requests
    assert asked.headers["x-key"] == "k3y-of-mine"
    assert (
        base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"me:hunter2-pw"
    )
    assert asked.query == {"access_token": "t0ken-of-mine", "since": "x"}


def test_an_authorization_that_was_given_is_the_one_that_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    given = {"Authorization": "Bearer a"}
    with SseServer(lambda _r: Answer([frame("1")])) as server:
        read(HttpSource(server.url, "test", 5.0, 1 << 20, headers=given).open(Resume(), 0))
        assert server.requests[0].headers["authorization"] == "Bearer a"


@pytest.mark.parametrize("status", [200, 401, 500])
def test_what_a_source_says_of_our_secrets_is_not_repeated(status: int) -> None:
    """Also where the excerpt would end in the middle of one."""
    text = "x" * 290 + " ".join(SECRETS)
    kind = f"text/{'-'.join(SECRETS)}" if status == 200 else "text/plain"
    with (
        SseServer(lambda _r: Answer([text.encode()], status, content_type=kind)) as server,
        pytest.raises(SourceRefused) as caught,
    ):
        secretive(server.url).open(Resume(), 0)
    assert not [secret for secret in SECRETS if secret[:5] in str(caught.value)]
    assert "****" in str(caught.value)


def test_no_error_of_a_connection_holds_a_secret() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Broken, match="connect") as caught:
        secretive(f"http://127.0.0.1:{port}/x").open(Resume(), 0)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_a_redirect_to_another_host_takes_no_secret_along() -> None:
    with SseServer(lambda _r: Answer([frame("1")])) as other:
        moved = Answer([], 302, {"Location": other.url})
        with SseServer(lambda _r: moved) as server:
            read(secretive(server.url).open(Resume(), 0))
    asked = str(other.requests[0])
    assert not [secret for secret in SECRETS if secret in asked]
    assert "authorization" not in other.requests[0].headers


def test_a_redirect_within_the_host_takes_the_headers_along() -> None:
    def script(request: Request) -> Answer:
        return Answer([frame("1")]) if request.number else Answer([], 302, {"Location": "/other"})

    with SseServer(script) as server:
        read(secretive(server.url).open(Resume(), 0))
        assert [r.headers["x-key"] for r in server.requests] == ["k3y-of-mine"] * 2


def test_no_resume_sends_no_last_event_id() -> None:
    with SseServer(lambda _r: Answer()) as server:
        read(source(server.url).open(Resume(), 0))
        assert "last-event-id" not in server.requests[0].headers


def test_a_crlf_over_two_chunks_of_http() -> None:
    chunks = [b"data: {\r", b"\ndata: }\r", b"\n\r", b"\ndata: 2\r\n\r\n"]
    with SseServer(lambda _r: Answer(chunks)) as server:
        events, _ = read(source(server.url).open(Resume(), 0))
    assert [e.data for e in events] == ["{\n}", "2"]


def test_a_compressed_stream_is_read_too() -> None:
    answer = Answer([gzip.compress(frame("1") + frame("2"))], headers={"Content-Encoding": "gzip"})
    with SseServer(lambda _r: answer) as server:
        events, cause = read(source(server.url).open(Resume(), 0))
    assert [e.data for e in events] == ["1", "2"]
    assert cause == "end"


def _pieces(coding: str) -> list[bytes]:
    """Two events, each flushed by itself, in that coding."""
    bits = {"gzip": 31, "x-gzip": 31, "GZIP": 31, "deflate": 15, "identity": None}[coding]
    if bits is None:
        return [frame("1"), frame("2")]
    packer = zlib.compressobj(wbits=bits)
    return [packer.compress(frame(n)) + packer.flush(zlib.Z_SYNC_FLUSH) for n in ("1", "2")]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate", "identity"])
def test_a_coding_that_was_not_asked_for_is_decoded_as_it_arrives(coding: str) -> None:
    """The stream hangs after its second event, which must have been told by then."""
    answer = Answer(_pieces(coding), headers={"Content-Encoding": coding}, hang=True)
    with SseServer(lambda _r: answer) as server:
        events, cause = read(source(server.url, idle=0.5).open(Resume(), 0))
        assert server.requests[0].headers["accept-encoding"] == "identity"
    assert [e.data for e in events] == ["1", "2"]
    assert cause == "idle"


@pytest.mark.parametrize("coding", ["br", "compress", "aws-chunked", "gzip, br", "identity, gzip"])
def test_a_coding_that_nothing_here_decodes_is_refused_by_its_name(coding: str) -> None:
    answer = Answer([b"\x8b\x02\x80"], headers={"Content-Encoding": coding})
    with SseServer(lambda _r: answer) as server, pytest.raises(SourceRefused) as caught:
        source(server.url).open(Resume(), 0)
    assert repr(coding) in caught.value.detail


def test_whether_anything_arrived_is_known_when_only_comments_came() -> None:
    with SseServer(lambda r: Answer([b":ok\n\n"] if r.number else [])) as server:
        for expected in (False, True):
            stream = source(server.url).open(Resume(), 0)
            with pytest.raises(Broken):
                list(stream)
            assert stream.arrived is expected
            stream.close()


def test_a_cut_is_network_and_the_event_that_was_cut_is_not_delivered() -> None:
    with SseServer(
        lambda _r: Answer([frame("1", sse_id="a"), b"id: b\ndata: 2"], cut=True)
    ) as server:
        events, cause = read(source(server.url).open(Resume(), 0))
    assert [(e.data, e.last_event_id) for e in events] == [("1", "a")]
    assert cause == "network"


def test_silence_is_idle() -> None:
    with SseServer(lambda _r: Answer([frame("1")], hang=True)) as server:
        events, cause = read(source(server.url, idle=0.3).open(Resume(), 0))
    assert [e.data for e in events] == ["1"]
    assert cause == "idle"


def test_comments_keep_the_connection_alive() -> None:
    def slow() -> Iterator[bytes]:
        for _ in range(6):
            server.closing.wait(0.4)
            yield b":\n"
        yield frame("late")

    with SseServer(lambda _r: Answer(slow())) as server:
        events, cause = read(source(server.url, idle=2).open(Resume(), 0))
    assert [e.data for e in events] == ["late"]
    assert cause == "end"


def test_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Broken, match="connect"):
        source(f"http://127.0.0.1:{port}/").open(Resume(), 0)


@pytest.mark.parametrize("status", [204, 400, 403, 429, 500, 503])
def test_a_refusal_has_status_text_and_delay(status: int) -> None:
    answer = Answer([b"too\n old"], status, {"Retry-After": "7"}, "text/plain")
    with SseServer(lambda _r: answer) as server, pytest.raises(SourceRefused) as caught:
        source(server.url).open(Resume(), 0)
    assert (caught.value.status, caught.value.retry_after) == (status, 7.0)
    assert caught.value.detail == ("" if status == 204 else "too old")


def test_no_event_stream() -> None:
    answer = Answer([b"<html>"], content_type="text/html")
    with (
        SseServer(lambda _r: answer) as server,
        pytest.raises(SourceRefused, match="text/html") as caught,
    ):
        source(server.url).open(Resume(), 0)
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("-5", None),
        ("soon", None),
        ("9" * 40, 999999999.0),
        (formatdate(1700000090, usegmt=True), 90.0),
        (formatdate(1600000000, usegmt=True), 0.0),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, 1_700_000_000) == seconds


def interrupted(url: str) -> float:
    """Seconds from the interruption of a silent stream to the end of the reading thread."""
    stream = source(url, idle=60).open(Resume(), 0)
    reading, result = threading.Event(), []

    def work() -> None:
        try:
            for _event in stream:
                reading.set()
        except Exception as error:  # noqa: BLE001  (the supervisor takes them all for the stop)
            result.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert reading.wait(30)
    started = time.monotonic()
    stream.interrupt()
    thread.join(5)
    assert not thread.is_alive()
    assert result
    took = time.monotonic() - started
    stream.interrupt()
    stream.close()
    stream.interrupt()
    return took


def test_a_blocked_read_can_be_interrupted() -> None:
    with SseServer(lambda _r: Answer([frame("1")], hang=True)) as server:
        assert interrupted(server.url) < 1


def test_a_blocked_read_over_tls_can_be_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with SseServer(lambda _r: Answer([frame("1")], hang=True), tls=context) as server:
        assert server.url.startswith("https://")
        assert interrupted(server.url) < 1
