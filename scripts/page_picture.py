"""Makes docs/images/run-page.png: the page of a real run, in headless Chromium (`make page-picture`)."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "functional"))

from harness.browser import Browser, browser, missing  # noqa: E402 - the tests' browser
from harness.run import Run  # noqa: E402
from harness.waiting import until  # noqa: E402

OUT = ROOT / "docs" / "images" / "run-page.png"
SECONDS = 60
"""Of the run: long enough for lines worth looking at."""
PATIENCE = 90
"""Seconds for the run's drain and its account."""


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
                until(
                    lambda: _elapsed(run, window) > SECONDS,
                    "lines",
                    deadline=300,
                    pause=1,
                    seen=lambda: run.output[-2000:],
                )
                height = window.run("return document.documentElement.scrollHeight")
                window.look(1120, height)
                OUT.parent.mkdir(exist_ok=True)
                window.picture(OUT)
        finally:
            _end(run)


def _elapsed(run: Run, window: Browser) -> int:
    """Seconds that the page says the run has taken; leaves when there is none any more."""
    if run.process.poll() is not None:
        sys.exit(f"the run ended by itself, without a picture:\n{run.output[-2000:]}")
    minutes, _, seconds = window.text("elapsed").partition(":")
    return int(minutes) * 60 + int(seconds) if seconds else 0


def _end(run: Run) -> None:
    """In order, or at once when that takes too long: nothing of it may outlive the script."""
    if run.process.poll() is not None:
        return
    run.process.send_signal(signal.SIGTERM)
    try:
        run.process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        run.process.kill()
        sys.exit(f"the run did not end within {PATIENCE} s:\n{run.output[-2000:]}")


if __name__ == "__main__":
    main()
