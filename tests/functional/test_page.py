"""The page of `sluice run` in headless Chromium, while a run takes in what a stranger would send to take it over.

One run tells it all: the fixture `told` takes it from its first event to its account and writes down what the page
showed on the way.
"""

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from harness.browser import Browser, browser, missing
from harness.run import Run
from harness.waiting import until
from sluice_core.testing import Answer, SseServer

pytestmark = [pytest.mark.functional, pytest.mark.timeout(240)]

MARKUP = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
OVERRIDE = "annual \u202efdp.exe"
HEBREW = "שלום עולם"
LONG = "long" * 25_000
TITLES = (MARKUP, OVERRIDE, HEBREW, LONG, "javascript:alert(1)", "plain")
COLUMNS = 'columns: [{name: event_id, path: "@event_id"}, {name: title}, {name: n, type: int64}]\n'

# What is to be seen and cannot be read: text whose contrast with its ground is below WCAG 2.2's 1.4.3 (AA).
PALE = """
const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
const ground = (e) => { for (; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
const found = [];
let looked = 0;
for (const e of document.body.querySelectorAll("*")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.getClientRects().length || e.namespaceURI.endsWith("svg")) continue;
  looked += 1;
  const style = getComputedStyle(e), size = parseFloat(style.fontSize);
  const need = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  const [a, b] = [light(parse(style.color)), light(ground(e))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < need) found.push(e.tagName + " " + e.id + "." + e.className + " " + ratio.toFixed(2));
}
return [looked, found];
"""
# What assistive technology would have no name for.
NAMELESS = """
return [...document.querySelectorAll("svg, [role=img], [role=region], section, table")]
  .filter((e) => e.getClientRects().length)
  .filter((e) => !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby")
    && !e.closest("[aria-label], [aria-labelledby]"))
  .map((e) => e.outerHTML.slice(0, 80));
"""


@dataclass
class Told:
    """What the page showed."""

    cells: list[str] = field(default_factory=list)
    letters: str = ""
    elements: int = 0
    title: str = ""
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)
    pale: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    grounds: dict[str, str] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    address: str = ""
    gone: tuple[str, str] = ("", "")
    last_files: tuple[int, str] = (0, "")
    lost: str = ""
    account: str = ""
    phase: str = ""
    code: int = -1
    output: str = ""


class Stranger:
    """A source that sends a hundred events each time it is told to `go`, and one that is no JSON."""

    def __init__(self) -> None:
        self._permits = threading.Semaphore(0)
        self._sent = 0
        self._server = SseServer(lambda _: Answer(self._frames(), hang=True))
        self.url = self._server.url

    def go(self) -> None:
        self._permits.release()

    def close(self) -> None:
        self._server.close()

    def _frames(self) -> Iterator[bytes]:
        yield b":ok\n\n"
        while not self._server.closing.is_set():
            if not self._permits.acquire(timeout=0.1):
                continue
            for _ in range(100):
                self._sent += 1
                # The last rows of an object are what the page shows.
                title = TITLES[self._sent % len(TITLES)]
                event = {"n": self._sent, "title": title}
                yield b"data: %s\n\n" % json.dumps(event, ensure_ascii=False).encode()
            yield b"data: {%s\n\n" % MARKUP.encode()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    if lacking := missing():
        if os.environ.get("CI"):
            pytest.fail(f"{lacking} is needed in CI")
        pytest.skip(f"no {lacking}: install chromium and chromium-driver")
    directory = tmp_path_factory.mktemp("page")
    (directory / "columns.yaml").write_text(COLUMNS)
    stranger = Stranger()
    run = Run(
        directory,
        *("--source", stranger.url, "--columns", str(directory / "columns.yaml"), "--rows", "20"),
    )
    try:
        with browser(directory / "profile") as window:
            return _watch(window, run, stranger)
    finally:
        stranger.close()
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def _watch(window: Browser, run: Run, stranger: Stranger) -> Told:
    found = Told(address=run.page)
    window.look(1200, 900)
    window.open(found.address)
    until(lambda: window.text("phase") == "running", "it runs", seen=lambda: window.text("phase"))
    stranger.go()
    until(lambda: _number(window, "received") >= 101, "events arrive", seen=lambda: run.output)
    until(lambda: _cells(window), "rows", seen=lambda: run.output)
    until(lambda: window.text("dead-some"), "a dead letter", seen=lambda: run.output)
    found.before = _numbers(window)
    stranger.go()
    until(lambda: _number(window, "received") >= 202, "more events", seen=lambda: run.output)
    until(lambda: _grown(_numbers(window), found.before), "all", seen=lambda: _numbers(window))
    found.after = _numbers(window)
    found.cells = _cells(window)
    found.letters = window.text("dead-some")
    found.elements = window.run(
        "return document.querySelectorAll('main script, main img, [onerror]').length"
    )
    found.title = window.driver.title
    _look_around(window, found, "running")
    found.nameless = window.run(NAMELESS)
    stranger.close()
    until(
        lambda: window.text("phase") == "no connection to the source",
        "the source's end",
        seen=lambda: window.text("phase"),
    )
    found.gone = (
        window.run("return document.getElementById('phase').dataset.kind"),
        window.text("now-lag"),
    )
    run.process.send_signal(signal.SIGTERM)
    until(lambda: not window.run("return document.getElementById('account').hidden"), "the account")
    found.code = run.finish()
    found.output = run.output
    until(lambda: window.text("account-title").startswith(("Done", "Ended")), "the end")
    shown = window.run("return document.querySelectorAll('#files li').length")
    found.last_files = shown, window.text("files-sum").split(" ")[0]
    found.lost = window.text("lost")
    found.phase = window.text("phase")
    found.account = window.run("return document.getElementById('account').innerText")
    _look_around(window, found, "done")
    found.complaints = window.complaints()
    found.requests = window.requests()
    return found


def _grown(now: dict[str, int], before: dict[str, int]) -> bool:
    """Whether the second hundred is there, in a file of its own, and its dead letter."""
    return now["rows"] >= 200 and now["dead"] >= 2 and now["files"] > before["files"]


def _look_around(window: Browser, found: Told, when: str) -> None:
    for name, width, dark in (("wide", 1200, False), ("phone", 360, False), ("dark", 360, True)):
        window.look(width, 800, dark=dark)
        key = f"{when}, {name}"
        found.widths[key] = (width, window.run("return document.documentElement.scrollWidth"))
        found.pale[key] = window.run(PALE)
        found.grounds[key] = window.run("return getComputedStyle(document.body).backgroundColor")
    window.look(1200, 900)


def _number(window: Browser, name: str) -> int:
    text = window.text(name).replace(",", "")
    return int(text) if text.isdecimal() else 0


def _numbers(window: Browser) -> dict[str, int]:
    legend = window.run(
        "return [...document.querySelectorAll('#legend div')].map(e => e.textContent)"
    )
    digits = {text.rstrip("0123456789,"): text for text in legend}
    found = {
        name: int(digits[label].removeprefix(label).replace(",", "")) if label in digits else 0
        for name, label in (("rows", "in files"), ("dead", "dead letters"))
    }
    files = window.text("files-sum").split(" ")[0].replace(",", "")
    return found | {
        "received": _number(window, "received"),
        "files": int(files) if files.isdecimal() else 0,
    }


def _cells(window: Browser) -> list[str]:
    return list(
        window.run("return [...document.querySelectorAll('#rows-body td')].map(e => e.textContent)")
    )


def test_hostile_titles_are_text(told):
    assert MARKUP in told.cells
    assert "annual \\u202efdp.exe" in told.cells
    assert HEBREW in told.cells
    (cut,) = {cell for cell in told.cells if cell.startswith("long")}
    assert cut.endswith("…")
    assert len(cut) < 200
    assert told.elements == 0
    assert told.title == "Sluice"


def test_dead_letters_stand_there_with_their_reason(told):
    assert "not-json" in told.letters
    assert MARKUP in told.letters
    assert told.after["dead"] == 2


def test_numbers_move(told):
    assert told.after["received"] >= 202 > told.before["received"]
    assert told.after["rows"] == 200 > told.before["rows"]
    assert told.after["files"] > told.before["files"] > 0


def test_nothing_is_asked_for_elsewhere_and_nothing_is_complained_of(told):
    assert {told.address, f"{told.address}api/events"} <= set(told.requests)
    assert {url for url in told.requests if not url.startswith(told.address)} == set()
    assert told.complaints == []


def test_it_fits_a_phone(told):
    assert {key: got for key, (width, got) in told.widths.items() if got > width} == {}


def test_everything_can_be_read_by_day_and_by_night(told):
    assert {key: pale for key, (_, pale) in told.pale.items() if pale} == {}
    assert all(looked > 30 for looked, _ in told.pale.values())
    assert told.grounds["running, dark"] != told.grounds["running, phone"]
    assert told.nameless == []


def test_a_source_that_is_gone_is_said(told):
    assert told.gone == ("bad", "–")


def test_the_end_is_the_account(told):
    assert told.code == 0, told.output
    assert told.lost == "0"
    assert told.phase == "nothing is lost"
    assert "Done: nothing is lost" in told.account
    assert "events in\t202" in told.account
    assert "dead-lettered\t2" in told.account
    assert "rows of the table\t200" in told.account
    shown, files = told.last_files
    assert shown == min(6, int(files)) > 0
    assert f" in {files} object" in told.output
