"""The order of a run's end, with the services as scripts."""

import io
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from rich.console import Console
from sluice_core.aws.messages import OutMessage
from sluice_core.service.stop import Stop
from sluice_core.testing import Answer, FakeClock, FakeS3, FakeSqs, SseServer
from sluice_local.ports import free_port
from sluice_local.run import phases, pipeline
from sluice_local.run.children import ForcedError
from sluice_local.run.listing import Listing
from sluice_local.run.pipeline import LocalRun
from sluice_local.run.scrape import Scraper
from sluice_local.run.source import ChosenSource
from sluice_local.run.view import NoPage

KEY = "events/dt=2026-11-26/hour=02/batch-01a215ad-884b-7544-ae16-c659f10d4db6.csv"


class Shown:
    """A view that writes down what it is shown."""

    def __init__(self):
        self.shown = []
        self.said = []

    def show(self, snapshot, seconds, phase):
        self.shown.append((phase, snapshot))

    def say(self, line):
        self.said.append(line)

    def __enter__(self):
        return self

    def __exit__(self, *_): ...


class Batchers:
    """Children of whom only batchers are alive. Each takes all there is, writes `rows`, and hands back what it `leaves`."""

    def __init__(self, resources, leaves, rows):
        self.started = 1
        self._resources = resources
        self._leaves = list(leaves)
        self._rows = list(rows)
        self._servers = [self._serve()]

    @property
    def port(self):
        return int(self._servers[-1].url.split(":")[2].split("/")[0])

    def _serve(self):
        text = b"sluice_batcher_rows_written_total %d\nsluice_batcher_objects_written_total 1\n"
        told = text % self._rows.pop(0)
        return SseServer(lambda _: Answer([told], content_type="text/plain"))

    def ended(self, _name):
        return True

    def kill(self, _name): ...

    def kill_all(self): ...

    def wait(self, condition, _seconds, meanwhile, _name):
        while not condition():
            meanwhile()

    def stop(self, name, meanwhile):
        assert name == "batcher"
        meanwhile()
        self._servers[-1].close()
        for _ in range(self._leaves.pop(0)):
            self._resources.queue.put_message(OutMessage("{}", {}))

    def service(self, name, _environ):
        assert name == "batcher"
        self.started += 1
        queue = self._resources.queue
        queue.delete([m.receipt_handle for m in queue.receive(wait_seconds=0, visibility=60)])
        self._servers.append(self._serve())
        return self.port

    def close(self):
        for server in self._servers:
            server.close()


@pytest.fixture
def draining(tmp_path, monkeypatch):
    made = []

    def make(leaves, rows):
        clock = FakeClock()
        resources = SimpleNamespace(queue=FakeSqs(clock), dlq=FakeSqs(clock), bucket=FakeS3())
        options = SimpleNamespace(data=tmp_path)
        console = Console(file=io.StringIO())
        run = LocalRun(options, console, Stop(), "events", NoPage())
        monkeypatch.setattr(run, "_mend", lambda: None)
        run._view, run._resources = Shown(), resources
        run._crew = Batchers(resources, leaves, rows)
        run._listing = Listing(resources.bucket, "events", clock)
        run._scraper = Scraper(free_port(), run._crew.port, resources, run._listing)
        made.append(run._crew)
        return run

    yield make
    for crew in made:
        crew.close()


def test_a_second_batcher_is_looked_at_and_the_first_ones_rows_stay(draining):
    run = draining(leaves=[1, 0], rows=[60, 40])
    run._drain()
    assert run._crew.started == 2
    assert [now.rows for phase, now in run._view.shown if phase == phases.STOPPING_BATCHER] == [
        60,
        100,
    ]
    assert run._scraper.last.rows == 100


def test_no_batcher_is_started_for_nobody_to_stop(draining):
    run = draining(leaves=[1] * pipeline._BATCHERS, rows=[1] * (pipeline._BATCHERS + 1))
    run._drain()
    assert run._crew.started == pipeline._BATCHERS


def test_the_files_that_came_last_are_shown(draining):
    run = draining(leaves=[0], rows=[60])
    with run._listing:
        run._drain()
        run._resources.bucket.put(KEY, b"rows")
        run._look_back()
    phase, now = run._view.shown[-1]
    assert phase == phases.COPYING
    assert [stored.key for stored in now.newest_objects] == [KEY]
    assert now.newest == KEY


@pytest.fixture
def executed(draining, monkeypatch):
    """Runs a pipeline whose source has ended already and whose batcher has written an object; `drain` drains it."""

    def make(drain):
        run = draining(leaves=[0], rows=[60])
        resources, view, scraper = run._resources, run._view, run._scraper
        resources.bucket.put(KEY, b"rows")
        chosen = Future()
        chosen.set_result(ChosenSource("a source", "http://127.0.0.1:9/"))
        stack = SimpleNamespace(start=lambda _: None, stop=lambda: None, environ=dict)
        monkeypatch.setattr(run, "_localstack", stack)
        monkeypatch.setattr(pipeline, "connect", lambda _: None)
        monkeypatch.setattr(pipeline.Resources, "make", lambda *_: resources)
        monkeypatch.setattr(pipeline, "Children", lambda *_: run._crew)
        monkeypatch.setattr(pipeline, "view_for", lambda *_: view)
        monkeypatch.setattr(pipeline.source, "choose", lambda *_: chosen)
        monkeypatch.setattr(run, "_start", lambda _: setattr(run, "_scraper", scraper))
        monkeypatch.setattr(run, "_watch", lambda _: None)
        monkeypatch.setattr(run, "_drain", lambda: drain(run))
        return run

    return make


def test_from_the_copy_on_a_ctrl_c_is_the_second_one(executed, tmp_path):
    run = executed(LocalRun._drain)
    copied, copy = [], run._keep

    def keep():
        copied.append((run._view.shown[-1][0], run._stop.requested, run._stop.forced))
        copy()

    run._keep = keep
    run.execute()
    assert copied == [(phases.COPYING, True, False)]
    assert (tmp_path / KEY).read_bytes() == b"rows"


def test_a_run_that_is_stopped_at_once_keeps_its_files(executed, tmp_path):
    def impatient(run):
        run._stop.force()
        raise ForcedError("stopped at once")

    with pytest.raises(ForcedError):
        executed(impatient).execute()
    assert (tmp_path / KEY).read_bytes() == b"rows"
