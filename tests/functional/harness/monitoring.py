"""A real Prometheus, and a real Pushgateway before it."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from sluice_local.ports import free_port

from harness.waiting import until

Start = Callable[..., str]


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Start]:
    """`prometheus(scrape_configs)` starts one that scrapes each second; gives its address."""
    program, running = _program("prometheus", "prometheus"), []

    def start(scrape_configs: list[dict[str, Any]]) -> str:
        every = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        path = tmp_path / "prometheus.yaml"
        path.write_text(yaml.safe_dump({"global": every, "scrape_configs": scrape_configs}))
        address = f"127.0.0.1:{free_port()}"
        options = [f"--config.file={path}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
        running.append(_started([program, *options], address, tmp_path / "prometheus.log"))
        return f"http://{address}"

    yield start
    _end(running)


@pytest.fixture
def pushgateway(tmp_path: Path) -> Iterator[Start]:
    """`pushgateway()` starts one and waits until it is ready; gives its address."""
    program = _program("prometheus-pushgateway", "pushgateway")
    running = []

    def start() -> str:
        address = f"127.0.0.1:{free_port()}"
        # Debian's keeps what it has in a file of the machine's otherwise.
        kept = f"--persistence.file={tmp_path / 'pushgateway.data'}"
        running.append(_started([program, kept], address, tmp_path / "pushgateway.log"))
        until(lambda: _answers(f"http://{address}/-/ready"), "the Pushgateway", deadline=30)
        return f"http://{address}"

    yield start
    _end(running)


def targets(job: str, url: str, **labels: str) -> dict[str, Any]:
    """A scrape configuration of one target."""
    target = {"targets": [url.removeprefix("http://")], "labels": labels}
    return {"job_name": job, "static_configs": [target]}


def ask(address: str, expr: str) -> list[tuple[dict[str, str], float]]:
    """What Prometheus answers now: labels and value of each series that is a number."""
    with urlopen(f"{address}/api/v1/query?{urlencode({'query': expr})}", timeout=5) as answer:
        found = json.load(answer)["data"]["result"]
    samples = [(series["metric"], series["value"][1]) for series in found]
    return [(labels, float(value)) for labels, value in samples if value != "NaN"]


def _program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{names[0]} is missing; CI installs it (Debian: {names[0]})")
        pytest.skip(f"{names[0]} is missing (Debian's package of that name)")
    return found


def _started(command: list[str], address: str, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as out:
        return subprocess.Popen(
            [*command, f"--web.listen-address={address}"], stdout=out, stderr=out
        )


def _end(running: "list[subprocess.Popen[bytes]]") -> None:
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
