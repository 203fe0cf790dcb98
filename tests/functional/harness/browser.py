"""Headless Chromium, as quiet as it can be made: what it asks for on the network is only what the page asks for."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
BINARIES = ("chromium", "chromedriver")
"""Debian's packages chromium and chromium-driver."""


def missing() -> str | None:
    """The program that is not there, if one is not."""
    return next((name for name in BINARIES if shutil.which(name) is None), None)


class Browser:
    """One window on one page; `profile` is a directory of its own."""

    def __init__(self, profile: Path) -> None:
        options = Options()
        options.binary_location = str(shutil.which("chromium"))
        for argument in (*QUIET, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(str(shutil.which("chromedriver")), log_output=subprocess.DEVNULL)
        self.driver = webdriver.Chrome(options=options, service=service)
        self._requests: list[str] = []

    def open(self, url: str) -> None:
        """Goes to `url` and comes back when the page is loaded."""
        self.driver.get(url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What JavaScript in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def text(self, name: str) -> str:
        """The text of the element with this id, also when it is not to be seen."""
        return str(self.run("return document.getElementById(arguments[0]).textContent", name))

    def look(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """The screen: its size in CSS pixels, and whether it likes it dark."""
        command = self.driver.execute_cdp_cmd
        command(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        command("Emulation.setEmulatedMedia", {"features": [scheme]})

    def picture(self, path: Path) -> None:
        """Writes what is to be seen as PNG."""
        path.write_bytes(self.driver.get_screenshot_as_png())

    def complaints(self) -> list[str]:
        """What the console said since the last call: errors, refusals of the page's policy, anything."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The URL of each request that a page of the web made so far; the browser's own pages ask for theirs."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] != "Network.requestWillBeSent":
                continue
            if not message["params"]["documentURL"].startswith("chrome"):
                self._requests.append(message["params"]["request"]["url"])
        return self._requests


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser until the end of the context."""
    found = Browser(profile)
    try:
        yield found
    finally:
        found.driver.quit()
