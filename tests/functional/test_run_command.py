"""`sluice run` as a user starts it: whole runs, Ctrl-C, a child that dies, other sources."""

import os
import signal
import socket
from pathlib import Path

import pytest
from harness.run import Run
from harness.waiting import until
from sluice_core.aws import clients
from sluice_core.lake.reader import read_batches
from sluice_core.settings import CommonSettings, load_settings
from sluice_local.events import EventStream
from sluice_local.resources import Names, Resources
from sluice_local.sse import EventLog, ServerOptions, SseServer
from sluice_local.sse.frames import DIALECTS

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]


@pytest.fixture
def start(tmp_path):
    runs = []

    def make(*arguments: str) -> Run:
        runs.append(Run(tmp_path, *arguments))
        return runs[-1]

    yield make
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def generated(count: int, seed: int = 0) -> list[str]:
    stream = EventStream(seed, 0, 1)
    return [stream.event_id(n) for n in range(count) if not stream.is_canary(n)]


def test_ids_in_are_ids_out_and_the_summary_says_so(start):
    run = start("--source", "built-in", "--events", "3000", "--rate", "0", "--seed", "5")
    assert run.finish() == 0, run.output
    assert sorted(run.row_ids()) == sorted(generated(3000, 5))
    lines = [line.split() for line in run.output.splitlines()]
    assert ["lost", "0"] in [words[:2] for words in lines]
    assert ["duplicates", "0"] in [words[:2] for words in lines]
    assert ["rows", "out", "2,996"] in [words[:3] for words in lines]
    assert "read_batches(" in run.output


def test_ctrl_c_drains_in_order(start):
    run = start("--source", "built-in", "--rate", "300").running()
    until(lambda: len(run.ledger()) > 400, "400 events are sent")
    assert run.finish(signal.SIGINT) == 0, run.output
    assert sorted(run.row_ids()) == sorted(run.ledger())
    assert run.row_ids()
    assert "lost" in run.output


def test_duration_format_columns_and_rows(start):
    run = start(
        *("--source", "built-in", "--rate", "50", "--duration", "15s"),
        *("--format", "parquet", "--columns", "recentchange", "--rows", "50"),
    )
    assert run.finish() == 0, run.output
    files = list((run.data / "events").rglob("*.parquet"))
    frame = read_batches(run.data / "events")
    # A batch is closed by the pack that fills it, whole. How many events came depends on the machine's start.
    assert 0 < len(frame) <= (50 - 1 + 100) * len(files)
    assert {"meta_domain", "length_old", "log_params"} <= set(frame.columns)
    assert sorted(frame["event_id"]) == sorted(run.ledger())


def test_a_source_of_ones_own_is_read_up_to_the_asked_number(start, tmp_path):
    columns = 'columns: [{name: event_id, path: "@event_id"}, {name: n, type: int64}]\n'
    (tmp_path / "columns.yaml").write_text(columns)
    options = ServerOptions(dialect="generic", at_end="hold")
    with SseServer(EventLog(1, 900, 0), options) as server:
        run = start("--source", server.url, "--events", "250", "--columns", "columns.yaml")
        assert run.finish() == 0, run.output
    generic = DIALECTS["generic"]
    expected = [generic.ledger_id(EventStream(1, 0, 1.0), n) for n in range(250)]
    assert sorted(run.row_ids()) == sorted(expected)


@pytest.mark.parametrize("victim", ["sluice_batcher", "launcher.py"])
def test_a_child_that_dies_is_named(start, victim):
    run = start("--source", "built-in", "--rate", "100").running()
    until(lambda: any(victim in line for line in run.descendants().values()), victim)
    pid = next(pid for pid, line in run.descendants().items() if victim in line)
    os.kill(pid, signal.SIGKILL)
    assert run.finish() == 1, run.output
    name = "LocalStack" if victim == "launcher.py" else victim.removeprefix("sluice_")
    assert f"sluice run: {name} " in run.output
    assert "its last lines:" in run.output


def test_settings_that_the_batcher_refuses_end_the_run_with_its_line(start, tmp_path):
    (tmp_path / "columns.yaml").write_text("columns: [{nam: a}]\n")
    run = start("--source", "built-in", "--columns", "columns.yaml")
    assert run.finish() == 2, run.output
    assert "columns.yaml" in run.output


def test_nothing_listens_but_on_loopback(start):
    run = start("--source", "built-in", "--rate", "100").running()
    until(lambda: len(run.ledger()) > 100, "100 events are sent")
    assert len(run.descendants()) == 4
    pids = [run.process.pid, *run.descendants()]
    # LocalStack, source, producer, batcher, page; the batcher may still be starting.
    listening = until(lambda: len(found := _listening(pids)) >= 5 and found, "five listen")
    assert {socket.inet_ntoa(bytes.fromhex(text)[::-1]) for text in listening} == {"127.0.0.1"}
    assert run.finish(signal.SIGTERM) == 0, run.output
    assert sorted(run.row_ids()) == sorted(run.ledger())


def test_a_queue_and_a_bucket_that_are_gone_are_made_again(start, monkeypatch):
    run = start("--source", "built-in", "--rate", "100").running()
    until(lambda: len(run.ledger()) > 100, "100 events are sent")
    producer = next(pid for pid, line in run.descendants().items() if "sluice_producer" in line)
    environ = dict(
        pair.split("=", 1)
        for pair in Path(f"/proc/{producer}/environ").read_text().split("\0")
        if pair.startswith("AWS_")
    )
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    aws = clients(load_settings(CommonSettings, environ))
    resources = Resources.make(aws, Names())
    aws.sqs.delete_queue(QueueUrl=resources.queue.url)
    until(lambda: "queue or bucket was gone: made again" in run.output, "the queue is made again")
    before = len(run.ledger())
    until(lambda: len(run.ledger()) > before + 200, "the producer goes on", seen=lambda: run.output)
    code = run.finish(signal.SIGTERM)
    missing = set(run.ledger()) - set(run.row_ids())
    # What stood in the deleted queue is lost, and the run says just that.
    assert code == (1 if missing else 0), run.output
    lost = next(line.split()[1] for line in run.output.splitlines() if line.startswith("lost"))
    assert int(lost) == len(missing)


def test_when_it_is_killed_nothing_stays_behind(start):
    run = start("--source", "built-in", "--rate", "100").running()
    until(lambda: len(run.descendants()) == 4, "four children")
    pids = list(run.descendants())
    run.process.kill()
    run.process.wait()
    until(lambda: not any(_runs(pid) for pid in pids), "all are gone")


def _listening(pids: list[int]) -> list[str]:
    """Addresses, in hexadecimal, on which these processes listen."""
    inodes = {
        str(fd.readlink())[8:-1]
        for pid in pids
        for fd in Path(f"/proc/{pid}/fd").iterdir()
        if str(fd.readlink()).startswith("socket:[")
    }
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    lines += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    return [f[1].split(":")[0] for f in lines if f[3] == "0A" and f[9] in inodes]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False
