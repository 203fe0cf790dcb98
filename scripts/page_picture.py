"""Makes docs/images/run-page.png: the page of a real run, in headless Chromium (`make page-picture`)."""

import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "functional"))

from harness.browser import browser, missing  # noqa: E402 - the tests' browser
from harness.run import Run  # noqa: E402
from harness.waiting import until  # noqa: E402

OUT = ROOT / "docs" / "images" / "run-page.png"
SECONDS = 60
"""Of the run: long enough for lines worth looking at."""


def main() -> None:
    """Runs, waits, takes the picture, ends the run."""
    if lacking := missing():
        sys.exit(f"no {lacking}: install chromium and chromium-driver")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        run = Run(directory, "--data", "sluice-data", "--source", "built-in", "--rate", "400")
        try:
            with browser(directory / "profile") as window:
                window.look(1120, 800)
                window.open(run.page)
                until(lambda: _seconds(window.text("elapsed")) > SECONDS, "lines", deadline=300)
                height = window.run("return document.documentElement.scrollHeight")
                window.look(1120, height)
                OUT.parent.mkdir(exist_ok=True)
                window.picture(OUT)
        finally:
            run.process.send_signal(signal.SIGTERM)
            run.process.wait(90)


def _seconds(text: str) -> int:
    minutes, _, seconds = text.partition(":")
    return int(minutes) * 60 + int(seconds) if seconds else 0


if __name__ == "__main__":
    main()
