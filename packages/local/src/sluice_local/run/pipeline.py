"""The run from start to summary: LocalStack, resources, source, services; watch; drain; account.

The order of the end matters: the producer stops first, so that nothing new comes; the batcher takes what
is in the queue and stops; then the objects are copied, and only then does LocalStack forget everything.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from rich.console import Console
from sluice_cli.verify.evidence import LEDGER, SOURCE
from sluice_cli.verify.objects import dropped_rows
from sluice_cli.verify.verdict import Messages
from sluice_core.errors import SluiceError
from sluice_core.service.clock import SystemClock
from sluice_core.service.stop import Stop

from sluice_local.localstack import EmbeddedLocalStack
from sluice_local.resources import Names, Resources, connect
from sluice_local.run import lake_copy, phases, source
from sluice_local.run.children import ChildDiedError, Children
from sluice_local.run.listing import Listing
from sluice_local.run.options import RunOptions
from sluice_local.run.scrape import Scraper, Snapshot
from sluice_local.run.view import PageLike, View, view_for

_LOOK_EVERY = 0.5
_MEND_EVERY = 3.0
_STILL = 120.0
_BATCHERS = 4


class LocalRun:
    """One run. `execute` may be called once."""

    def __init__(
        self, options: RunOptions, console: Console, stop: Stop, prefix: str, page: PageLike
    ) -> None:
        self._options = options
        self._console = console
        self._stop = stop
        self._prefix = prefix
        self._page = page
        self._internal = options.data / lake_copy.INTERNAL
        self._view: View
        self._crew: Children
        self._resources: Resources
        self._listing: Listing
        self._scraper: Scraper
        self._localstack = EmbeddedLocalStack(say=self._say)
        self._started = time.monotonic()
        self._mended = 0.0
        self._batcher_environ: dict[str, str] = {}
        self.seconds = 0.0
        self.built_in = False
        self.dead_letters = Messages()
        self.dropped = 0

    def execute(self) -> None:
        """Runs until the stop is requested or the work is done, drains, and leaves the lake on disk.

        Raises SluiceError's subclasses and LocalStackError; the objects written so far are copied even then. From the
        copy on the stop is requested, whatever ended the run: a Ctrl-C is then the second one, which forces.
        """
        earlier = lake_copy.prepare(self._options.data, self._prefix)
        if earlier is not None:
            self._say(f"the earlier lake was moved to {earlier}")
        chosen = source.choose(self._options, self._say)
        with ExitStack() as stack:
            self._say("starting LocalStack (SQS and S3) on loopback")
            self._localstack.start(self._stop.event)
            stack.callback(self._localstack.stop)
            aws = connect(self._localstack.environ())
            self._resources = Resources.make(aws, Names())
            environ = self._localstack.environ() | Names().environ()
            self._crew = Children(self._internal, environ, self._stop)
            stack.callback(self._crew.kill_all)
            origin = chosen.result()
            self.built_in = origin.built_in
            view = self._page.beside(view_for(self._console, origin.label), origin.label)
            self._view = stack.enter_context(view)
            self._start(origin)
            try:
                with self._listing, self._page.reading(self._resources, self._prefix):
                    self._watch(origin)
                    self._drain()
                    self._look_back()
            finally:
                self._crew.kill_all()
                self._stop.request()
                self._show(self._scraper.last, phases.COPYING)
                self._keep()

    def _start(self, origin: source.ChosenSource) -> None:
        if origin.built_in:
            ledger = self._internal / SOURCE
            arguments = source.server_arguments(self._options, origin.url, ledger)
            self._crew.command("source", arguments)
            self._crew.wait(
                lambda: source.server_finished(origin.url) is not None,
                30,
                partial(self._crew.must_run, "source"),
                "source",
            )
        self._batcher_environ = self._options.batcher_environ()
        batcher = self._crew.service("batcher", self._batcher_environ)
        ledger_url = (self._internal / LEDGER).resolve().as_uri()
        producer = self._crew.service(
            "producer", origin.environ(self._options) | {"SLUICE_LEDGER": ledger_url}
        )
        self._listing = Listing(self._resources.bucket, self._prefix, SystemClock())
        self._scraper = Scraper(producer, batcher, self._resources, self._listing)
        self._started = time.monotonic()
        self._view.say(f"running; Ctrl-C drains and stops. Logs: {self._internal}")

    def _watch(self, origin: source.ChosenSource) -> None:
        while not self._stop.event.wait(_LOOK_EVERY):
            if origin.built_in:
                self._crew.must_run("source")
            self._crew.must_run("batcher")
            ended = self._crew.ended("producer")
            snapshot = self._look()
            self._mend()
            passed = time.monotonic() - self._started
            if ended or self._enough(origin, snapshot):
                return
            if self._options.duration is not None and passed >= self._options.duration:
                return

    def _enough(self, origin: source.ChosenSource, snapshot: Snapshot) -> bool:
        wanted = self._options.events
        if not origin.built_in or wanted is None or snapshot.received < wanted:
            return False
        return bool(source.server_finished(origin.url))

    def _look(self, phase: str | None = None) -> Snapshot:
        snapshot = self._scraper.take()
        self._show(snapshot, phase or phases.phase_of(snapshot))
        return snapshot

    def _look_back(self) -> None:
        """What came last: the newest files, and whatever the last batcher has left in the queues."""
        try:
            self._show(self._scraper.finish(), phases.COPYING)
        except SluiceError as error:
            self._view.say(f"the newest files cannot be listed: {error}")

    def _show(self, snapshot: Snapshot, phase: str) -> None:
        self._view.show(snapshot, time.monotonic() - self._started, phase)

    def _mend(self) -> None:
        """Makes queue and bucket again when they are gone: they are this tool's, not the services'."""
        if time.monotonic() - self._mended < _MEND_EVERY:
            return
        self._mended = time.monotonic()
        if not self._localstack.alive:
            raise ChildDiedError("LocalStack", "ended", self._localstack.log_tail())
        if self._resources.missing():
            try:
                Resources.make(self._resources.aws, Names())
                self._view.say("queue or bucket was gone: made again")
            except SluiceError as error:
                self._view.say(f"queue or bucket is gone and cannot be made: {error}")

    def _drain(self) -> None:
        if not self._crew.ended("producer"):
            self._crew.stop("producer", lambda: self._during(phases.STOPPING_PRODUCER))
        self._scraper.leave_producer()
        self._crew.kill("source")
        for batchers in range(1, _BATCHERS + 1):
            self._empty()
            self._crew.stop("batcher", lambda: self._during(phases.STOPPING_BATCHER))
            if self._scraper.take().depth == 0 or batchers == _BATCHERS:
                break
            # It handed messages back, for example because S3 refused them: another one finishes.
            self._scraper.follow_batcher(self._crew.service("batcher", self._batcher_environ))
        self.seconds = time.monotonic() - self._started

    def _empty(self) -> None:
        """Waits until the batcher has received all there is, or nothing moves any more."""
        seen: list[int | None] = []
        still_since = time.monotonic()

        def empty() -> bool:
            nonlocal still_since
            now = self._scraper.last
            if not seen or now.depth != seen[-1]:
                still_since = time.monotonic()
            seen.append(now.depth if now.visible else 0)
            if time.monotonic() - still_since > _STILL:
                return True
            return len(seen) >= 3 and now.visible == 0

        self._crew.wait(empty, 86_400, partial(self._during, phases.EMPTYING), "batcher")

    def _during(self, phase: str) -> None:
        self._mend()
        self._look(phase)

    def _keep(self) -> None:
        try:
            dead_letters = list(lake_copy.take_messages(self._resources.dlq))
            lake_copy.write_dead_letters(dead_letters, self._options.data)
            for dead_letter in dead_letters:
                self.dead_letters.add(dead_letter, self._resources.bucket)
            lake_copy.copy_objects(self._resources.bucket, self._options.data, self._told)
        except SluiceError as error:
            self._view.say(f"not everything could be copied from LocalStack: {error}")

    def _told(self, metadata: Mapping[str, str]) -> None:
        self.dropped += dropped_rows(metadata)

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)
