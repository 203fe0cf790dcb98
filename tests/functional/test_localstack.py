"""The embedded LocalStack: loopback only, private, restartable, gone with its starter."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sluice_core.aws.messages import OutMessage
from sluice_local.localstack import (
    EmbeddedLocalStack,
    EnvironmentBuildError,
    LocalStackError,
    ensure_environment,
    install,
)
from sluice_local.resources import Names, Resources, connect

pytestmark = [pytest.mark.functional, pytest.mark.timeout(120)]


def _listeners(pid: int) -> set[tuple[str, int]]:
    """(address, port) of each TCP socket that the process listens on, from /proc."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue  # closed meanwhile: a listener stays open
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add((_address(address), int(port, 16)))
    return found


def _address(text: str) -> str:
    return socket.inet_ntoa(bytes.fromhex(text)[::-1]) if len(text) == 8 else f"ipv6 {text}"


def _gone(pid: int, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    never = threading.Event()
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        never.wait(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_only_loopback_listens(localstack: EmbeddedLocalStack) -> None:
    assert _listeners(localstack.pid) == {("127.0.0.1", localstack.port)}


def test_state_lives_in_a_private_directory(
    localstack: EmbeddedLocalStack, resources: Resources
) -> None:
    # Small objects stay in memory; a large one is a file.
    resources.bucket.put("large", bytes(2**20))
    directory = localstack.directory
    assert directory.stat().st_mode & 0o077 == 0
    opened = {str(entry.readlink()) for entry in Path(f"/proc/{localstack.pid}/fd").iterdir()}
    ours = {path for path in opened if path.startswith("/tmp/")}
    assert len(ours) > 1
    assert all(Path(path).is_relative_to(directory) for path in ours)


def test_queue_redrives_to_its_dead_letter_queue(resources: Resources, names: Names) -> None:
    attributes = resources.queue.attributes()
    assert attributes.redrive_target is not None
    assert attributes.redrive_target.endswith(f":{names.dlq}")
    assert attributes.max_receive_count == 1000
    assert resources.queue.url.startswith("http://127.0.0.1:")


def test_making_the_resources_again_keeps_what_is_in_them(
    resources: Resources, names: Names
) -> None:
    assert resources.queue.send([OutMessage("kept")]) == []
    resources.bucket.put("kept", b"1")
    again = Resources.make(resources.aws, names)
    assert [message.body for message in again.queue.receive(wait_seconds=5)] == ["kept"]
    assert again.bucket.get("kept").body == b"1"
    assert not again.missing()


def test_restart_keeps_the_port_and_loses_the_rest(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedLocalStack() as own:
        for variable, value in own.environ().items():
            monkeypatch.setenv(variable, value)
        made = Resources.make(connect(own.environ()), names)
        port = own.port
        own.restart()
        assert own.port == port
        assert made.missing()
        assert not Resources.make(made.aws, names).missing()
    assert made.missing()


def test_it_dies_with_a_starter_that_was_killed() -> None:
    script = (
        "from sluice_local.localstack import EmbeddedLocalStack as E\n"
        "import sys\n"
        "e = E().start()\n"
        "print(e.pid, e.directory, flush=True)\n"
        "sys.stdin.read()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert starter.stdout is not None
        pid, directory = starter.stdout.readline().split()
        assert os.getsid(int(pid)) == int(pid)
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()
        starter.stdin.close()
    assert _gone(int(pid))
    assert not Path(directory).exists()


def test_a_taken_port_is_told_with_the_end_of_the_log() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failing = EmbeddedLocalStack(port)
        with pytest.raises(LocalStackError, match=r"(?s)LocalStack ended .*cannot listen"):
            failing.start()
        assert not failing.alive


def test_its_environment_is_made_once_by_many_at_once(tmp_path: Path) -> None:
    said: list[str] = []
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(ensure_environment(said.append, tmp_path)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 1
    assert len(set(found)) == 1
    assert len(found) == 3
    assert found[0].exists()


def test_an_environment_whose_builder_was_killed_is_made_again(tmp_path: Path) -> None:
    python = ensure_environment(root=tmp_path)
    (python.parents[2] / ".complete").unlink()
    left = python.parents[2] / "left"
    left.touch()
    assert ensure_environment(root=tmp_path) == python
    assert python.exists()
    assert not left.exists()


def test_an_environment_that_cannot_be_made_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'broken'\n")
    (tmp_path / "uv.lock").write_text("not a lock")
    monkeypatch.setattr(install, "DEFINITION", tmp_path)
    with pytest.raises(EnvironmentBuildError, match=r"Python 3\.11 to 3\.13"):
        ensure_environment(root=tmp_path / "cache")
