"""`sluice check` asks the source: what it answers, and what to do about it."""

from collections.abc import Callable, Iterator

import pytest
from sluice_cli.check import Result, check_source
from sluice_cli.check.source import _advice
from sluice_cli.main import app
from sluice_core.testing import Answer, SseServer
from typer.testing import CliRunner


@pytest.fixture
def serve() -> Iterator[Callable[..., SseServer]]:
    servers: list[SseServer] = []

    def start(
        status: int = 200,
        kind: str | None = "text/event-stream; charset=utf-8",
        body: bytes = b":ok\n\nevent: message\r\nid: 1\r\ndata: {}\r\n\r\n",
        *,
        hold: bool = True,
    ) -> SseServer:
        answer = Answer([body], status, content_type=kind, hang=hold)
        servers.append(SseServer(lambda _request: answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def _source(url: str, seconds: float = 5.0, **more: str) -> list[Result]:
    return list(check_source({"SLUICE_SOURCE_URL": url, **more}, seconds))


def test_a_source_that_sends(serve: Callable[..., SseServer]) -> None:
    server = serve()
    results = _source(server.url, SLUICE_USER_AGENT="me (me@example.org)")
    assert [(r.name, r.state.value) for r in results] == [
        ("source", "ok"),
        ("source: first event", "ok"),
    ]
    assert [request.headers["user-agent"] for request in server.requests] == ["me (me@example.org)"]


def test_a_source_behind_a_token_is_tried_with_it_and_nothing_shows_it(
    serve: Callable[..., SseServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The producer's settings show no secrets, so that they come from the environment."""
    server = serve()
    monkeypatch.setenv("SLUICE_SOURCE_URL", f"{server.url}?access_token=t0ken-of-mine")
    monkeypatch.setenv("SLUICE_SOURCE_HEADERS", "X-Key: k3y-of-mine")
    result = CliRunner().invoke(app, ["check", "--no-aws"])
    assert result.exit_code == 0
    asked = [(request.query, request.headers["x-key"]) for request in server.requests]
    assert asked == [({"access_token": "t0ken-of-mine"}, "k3y-of-mine")]
    server.close()
    result = CliRunner().invoke(app, ["check", "--no-aws"])
    assert result.exit_code == 1
    assert "t0ken" not in result.stdout
    assert "k3y" not in result.stdout


def test_a_source_that_is_silent(serve: Callable[..., SseServer]) -> None:
    # A comment and an event without data are no events (WHATWG HTML, 9.2.6).
    results = _source(serve(body=b":keep-alive\n\nid: 7\n\ndata: cut").url, 0.3)
    assert [r.state.value for r in results] == ["ok", "failed"]
    assert "none within 0.3 s" in results[1].detail


def test_a_source_that_ends(serve: Callable[..., SseServer]) -> None:
    results = _source(serve(body=b"data: cut", hold=False).url)
    assert "ended before its first event" in results[-1].detail


@pytest.mark.parametrize(
    ("status", "kind", "says", "advice"),
    [
        (200, "text/html", "'text/html', not text/event-stream", "address of a page"),
        (200, None, "'no content type'", "address of a page"),
        (204, None, "HTTP 204", "no more"),
        (403, None, "HTTP 403", "ask who runs"),
        (404, None, "HTTP 404", "path of SLUICE_SOURCE_URL"),
        (429, None, "HTTP 429", "wait"),
        (503, None, "HTTP 503", "try later"),
    ],
)
def test_answers_that_are_no_stream(
    serve: Callable[..., SseServer], status: int, kind: str | None, says: str, advice: str
) -> None:
    results = _source(serve(status, kind, b"", hold=False).url)
    assert [r.state.value for r in results] == ["failed"]
    assert says in results[0].detail
    assert advice in results[0].advice


def test_wikimedias_rule_is_named() -> None:
    assert "User-Agent_policy" in _advice("https://stream.wikimedia.org/v2", 403)
    assert "User-Agent_policy" not in _advice("https://notwikimedia.org/v2", 403)


def test_nobody_listens(serve: Callable[..., SseServer]) -> None:
    server = serve()
    server.close()
    results = _source(server.url)
    assert [r.state.value for r in results] == ["failed"]
    assert "HTTPS_PROXY" in results[0].advice
