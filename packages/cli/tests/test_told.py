"""What goes wrong is said in one line of words: no traceback, no bare number of an error."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sluice_cli.main import app
from sluice_cli.output import counted, told
from sluice_core.errors import os_reason
from sluice_core.version import __version__
from typer.testing import CliRunner


def _line(arguments: list[str], code: int, environ: dict[str, str] | None = None) -> str:
    result = CliRunner().invoke(app, arguments, env=environ)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    (line,) = result.stderr.splitlines()
    assert "Errno" not in line
    return line


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"sluice {__version__}\n")


def test_a_file_that_cannot_be_made() -> None:
    line = _line(["generate", "-o", "/nope/x"], 2)
    assert line == "sluice: cannot write /nope/x: No such file or directory"


def test_a_directory_is_no_ledger(tmp_path: Path) -> None:
    line = _line(["serve-events", "--port", "0", "--ledger", str(tmp_path)], 2)
    assert line == f"sluice: --ledger: cannot write {tmp_path}: Is a directory"


def test_a_full_disk() -> None:
    line = _line(["generate", "--events", "3000", "-o", "/dev/full"], 1)
    assert line == (
        "sluice: cannot write all of /dev/full: No space left on device; what it holds now is not whole"
    )


def test_a_full_disk_behind_the_output() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sluice_cli.main", "generate", "--events", "3000"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "sluice: No space left on device\n")


def test_a_reader_that_has_seen_enough() -> None:
    done = subprocess.run(
        f"{sys.executable} -m sluice_cli.main generate --events 20000 | head -1 | wc -l",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = _line(["serve-events", "--port", str(port)], 2)
    assert line.startswith(f"sluice: cannot listen on 127.0.0.1:{port}: Address already in use;")


def test_an_error_of_the_machine_in_words() -> None:
    assert os_reason(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) == "No space left on device"
    assert os_reason(PermissionError(13, "Permission denied", "/x")) == "Permission denied"
    assert os_reason(TimeoutError()) == "TimeoutError"


def test_a_pipe_that_is_closed_is_no_failure() -> None:
    with pytest.raises(BrokenPipeError), told():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@pytest.mark.parametrize("command", ["ls", "redrive"])
def test_an_unknown_reason(command: str) -> None:
    line = _line(["dlq", command, "--reason", "bad-evnt"], 2)
    assert "--reason 'bad-evnt': not one of bad-base64, bad-event," in line


def test_one_dead_letter_by_its_id_and_nothing_beside() -> None:
    line = _line(["dlq", "redrive", "abc", "--reason", "bad-event"], 2)
    assert "leave --reason and --id out" in line


def test_numbers_and_nouns() -> None:
    said = [counted(n, "dead letter") for n in (0, 1, 2_000)]
    assert said == ["0 dead letters", "1 dead letter", "2,000 dead letters"]
    assert counted(1, "entry is", "entries are") == "1 entry is"


def test_run_needs_a_prefix_and_touches_nothing(tmp_path: Path) -> None:
    earlier = tmp_path / "events" / "batch-1.csv"
    earlier.parent.mkdir()
    earlier.write_text("mine")
    result = CliRunner().invoke(app, ["run", "--data", str(tmp_path)], env={"SLUICE_PREFIX": ""})
    assert result.exit_code == 2
    assert "SLUICE_PREFIX='': run keeps earlier lakes" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["events"]
    assert earlier.read_text() == "mine"
