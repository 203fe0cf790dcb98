"""The page of `sluice run` in headless Chromium, in states that a run seldom has: a source that is gone, rows that a
transform left out, a table that fails after the account. Without a run: the page is told what to show.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.browser import Browser, browser, missing
from harness.waiting import until
from sluice_cli.verify.verdict import Messages, Verdict
from sluice_core.testing import Answer, SseServer
from sluice_local.page import Page
from sluice_local.run import phases
from sluice_local.run.account import account_of
from sluice_local.run.scrape import Snapshot
from sluice_local.run.table import Table

pytestmark = [pytest.mark.functional, pytest.mark.timeout(120)]

NOW = Snapshot(received=100, filtered=5, rows=60, lag=0.5, connected=True)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if lacking := missing():
        if os.environ.get("CI"):
            pytest.fail(f"{lacking} is needed in CI")
        pytest.skip(f"no {lacking}: install chromium and chromium-driver")
    with browser(tmp_path_factory.mktemp("states") / "profile") as found:
        found.look(1200, 900)
        yield found


@contextmanager
def opened(window: Browser) -> Iterator[Page]:
    """A page, and the window on it; the page's end is the end of the context."""
    with Page() as page:
        window.open(page.url)
        yield page


def shows(window: Browser, name: str, text: str) -> None:
    until(lambda: window.text(name) == text, f"{name}: {text}", seen=lambda: window.text(name))


def kind(window: Browser, name: str) -> str:
    return str(window.run("return document.getElementById(arguments[0]).dataset.kind", name))


def parts(window: Browser) -> dict[str, tuple[int, int]]:
    """Name of each part of the bar → its number in the legend, its share of the bar."""
    found = window.run(
        "const bar = document.getElementById('bar').children;"
        "return [...document.querySelectorAll('#legend div')].map((e, n) =>"
        " [e.children[1].textContent, e.children[2].textContent, bar[n].style.flexGrow])"
    )
    return {name: (int(count.replace(",", "")), int(share)) for name, count, share in found}


def lines(window: Browser) -> dict[str, str]:
    found = window.run(
        "return [...document.querySelectorAll('#account-lines tr')].map(e =>"
        " [e.children[0].textContent, e.children[1].textContent])"
    )
    return dict(found)


def verdict(path: Path) -> Verdict:
    """Nothing is lost."""
    path.mkdir()
    (path / "batch-1.csv").write_text("event_id\na\nb\n")
    ledger = path.parent / "ledger"
    ledger.write_text("".join(json.dumps({"id": n, "state": "sent"}) + "\n" for n in "ab"))
    return account_of(ledger, None, path, Messages())


def changed(**given: object) -> Snapshot:
    return Snapshot(**(vars(NOW) | given))  # type: ignore[arg-type]


def test_a_source_that_is_gone_does_not_look_healthy(window):
    with opened(window) as page:
        for now, text, news, lag in (
            (changed(connected=None, lag=None), "starting", "busy", "–"),
            (NOW, "running", "good", "0.5"),
            (changed(connected=False, lag=None), "no connection to the source", "bad", "–"),
            (NOW, "running", "good", "0.5"),
        ):
            page.show(now, 1.0, phases.phase_of(now))
            shows(window, "phase", text)
            assert kind(window, "phase") == news
            assert window.text("now-lag") == lag


def test_the_bar_holds_all_events_those_too_that_a_transform_left_out(window):
    with opened(window) as page:
        page.show(NOW, 1.0, "running")
        until(lambda: parts(window), "the bar")
        assert set(parts(window)) == {"in files", "on the way", "dead letters", "filtered"}
        page.show(changed(dropped=30), 2.0, "running")
        until(lambda: len(parts(window)) == 5, "a fifth part")
        found = parts(window)
        assert found["left out by the transform"] == (30, 30)
        assert sum(share for _, share in found.values()) == NOW.received


def test_the_account_is_there_while_the_table_is_made_and_when_that_fails(window, tmp_path):
    with opened(window) as page:
        page.show(NOW, 1.0, phases.COPYING)
        shows(window, "phase", "copying the files")
        page.account(verdict(tmp_path / "events"), 2.0)
        page.phase(phases.MAKING_TABLE)
        shows(window, "account-title", "Account: nothing is lost")
        shows(window, "phase", "making the table")
        assert kind(window, "phase") == "busy"
        assert window.text("lost") == "0"
        assert parts(window)["in files"] == (2, 2)
        page.table(Table(0, 0, 0, 0, "", failure="why"), tmp_path)
    shows(window, "account-title", "Ended: the table could not be made")
    assert window.text("phase") == "the table could not be made"
    assert kind(window, "phase") == "bad"
    assert lines(window)["lost"] == "0"
    assert "✗ the table could not be made: why" in window.text("account-said")


def test_a_run_that_fails_has_no_number_of_lost_events_and_says_why(window):
    def fail() -> None:
        with opened(window) as page:
            page.show(NOW, 1.0, "running")
            shows(window, "phase", "running")  # a page that is not yet being told hears of no end
            raise OSError(28, "No space left on device", "x")

    with pytest.raises(OSError, match="No space"):
        fail()
    shows(window, "phase", "the run failed")
    assert window.text("lost") == "–"
    assert window.text("lost-note") == "not counted: the run failed before its account"
    assert window.text("account-said") == "x: No space left on device"


def elsewhere(url: str) -> Callable[[object], Answer]:
    """Another site's page, which takes in what it can and has a link."""
    text = f"""<!doctype html><title>elsewhere</title><a id="link" href="{url}">a page to look at</a>
<img src="{url}icon.svg"><script src="{url}page.js"></script>
<script>fetch("{url}api/state", {{mode: "no-cors"}})</script>"""
    return lambda _: Answer([text.encode()], content_type="text/html")


class Statuses:
    """URL → status of what was answered from now on, as the browser saw it."""

    def __init__(self, window: Browser) -> None:
        self._driver = window.driver
        self._urls: dict[str, str] = {}
        self._told: dict[str, int] = {}
        self._driver.get_log("performance")

    def look(self) -> dict[str, int]:
        for entry in self._driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            told = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                self._urls[told["requestId"]] = told["request"]["url"]
            if message["method"] == "Network.responseReceivedExtraInfo":
                self._told[told["requestId"]] = told["statusCode"]
        return {url: self._told[name] for name, url in self._urls.items() if name in self._told}


def test_another_site_takes_nothing_in_and_its_link_works(window):
    with Page() as page, SseServer(elsewhere(page.url)) as server:
        statuses = Statuses(window)
        window.open(server.url.replace("127.0.0.1", "localhost"))
        taken = {f"{page.url}{name}" for name in ("icon.svg", "page.js", "api/state")}
        until(lambda: taken <= statuses.look().keys(), "its requests", seen=statuses.look)
        assert {statuses.look()[url] for url in taken} == {403}
        window.run("document.getElementById('link').click()")
        until(lambda: window.driver.title == "Sluice", "the page", seen=lambda: window.driver.title)
        shows(window, "phase", "starting")
