"""The child processes of `sluice run`: how they end, and who is told."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sluice_core.service.stop import Stop
from sluice_local.run.children import Child, ChildDiedError, Children, ForcedError


def _until(condition, seconds=15):
    deadline, never = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        never.wait(0.02)


def test_a_child_that_dies_is_named_with_its_last_lines(tmp_path):
    children = Children(tmp_path, {}, Stop())
    children.command("source", ["serve-events", "--fault", "klingon"])
    with pytest.raises(
        ChildDiedError, match=r"(?s)source ended with exit code 2.*is no fault"
    ) as died:
        children.wait(lambda: children.ended("source"), 30, lambda: None, "source")
    assert died.value.exit_code == 2
    children.kill_all()


def test_a_child_stops_in_order(tmp_path):
    children = Children(tmp_path, {}, Stop())
    children.command("source", ["serve-events", "--port", "0"])
    _until(lambda: "serving" in (tmp_path / "source.log").read_text())
    children.must_run("source")
    children.stop("source", lambda: None)
    with pytest.raises(ChildDiedError, match="source ended too early"):
        children.must_run("source")
    children.kill_all()


def test_a_second_signal_ends_the_waiting(tmp_path):
    stop = Stop()
    children = Children(tmp_path, {}, stop)
    stop.force()
    with pytest.raises(ForcedError):
        children.wait(lambda: False, 30, lambda: None, "nobody")


def test_waiting_has_an_end(tmp_path):
    with pytest.raises(ChildDiedError, match="was not done after 0 s"):
        Children(tmp_path, {}, Stop()).wait(lambda: False, 0, lambda: None, "nobody")


def test_a_child_dies_with_a_parent_that_was_killed(tmp_path):
    log = tmp_path / "log"
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom sluice_local.run.children import Child\n"
        f"c = Child('source', 'sluice_cli.main', ['serve-events', '--port', '0'], os.environ, Path({str(log)!r}))\n"
        "print(c.pid, flush=True)\nsys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    _until(lambda: "serving" in log.read_text())
    parent.kill()
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    _until(lambda: not _alive(pid))


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def test_a_killed_child_is_collected(tmp_path):
    child = Child("x", "http.server", ["0", "--bind", "127.0.0.1"], os.environ, tmp_path / "log")
    assert child.exit_code is None
    child.kill()
    assert child.exit_code == -signal.SIGKILL
    child.ask_to_stop()
    child.kill()
