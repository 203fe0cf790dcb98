"""The compactor's life: a pass, and another after a while, or the end."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sluice_core.errors import SluiceError, TemporaryError
from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Stopped
from sluice_core.service.runtime import Runtime

from sluice_compactor.compact.partition import Point, nowhere
from sluice_compactor.compact.passes import Compactor, Report
from sluice_compactor.lake import Lake, Opener
from sluice_compactor.maintain.upkeep import Upkeep
from sluice_compactor.metrics import Metrics
from sluice_compactor.push import Pusher
from sluice_compactor.settings import CompactorSettings
from sluice_compactor.status import Status, write_status

_log = get_logger(__name__)
LOOP: Final = "compactor"
MAX_SILENCE: Final = 900.0
"""Seconds without a sign after which a pass is stuck: several times the longest step, a data file's upload."""


class Service:
    """Passes until the stop is requested, or one. `open_lake` is asked before each: credentials end."""

    def __init__(
        self,
        settings: CompactorSettings,
        runtime: Runtime[Metrics],
        open_lake: Opener,
        *,
        point: Point = nowhere,
    ) -> None:
        self._settings, self._runtime, self._open = settings, runtime, open_lake
        self._point = point
        self._pusher = _pusher(settings, runtime)

    def run(self) -> int:
        """Exit code: 0, or 1 when the only pass has failed for a day."""
        health = self._runtime.health
        health.register(LOOP, MAX_SILENCE)
        health.set_ready("start", ready=True)
        try:
            with suppress(Stopped):
                return self._passes()
        finally:
            health.forget(LOOP)
        _log.info("stopped in a pass: what is not committed is done again by the next")
        return 0

    def _passes(self) -> int:
        every, stop, clock = self._settings.lake_every, self._runtime.stop, self._runtime.clock
        if every is None:
            return 1 if self.once().failures else 0
        while True:
            begun = clock.monotonic()
            try:
                report = self.once()
                why = next(iter(report.failures.values()), "")
            except TemporaryError as error:
                _log.error("the pass has failed: the next one tries again", why=str(error))
                why = str(error)
            self._runtime.health.set_ready("pass", ready=not why, why=why)
            if self._wait(every - (clock.monotonic() - begun), stop.event.is_set):
                return 0

    def _wait(self, seconds: float, stopped: Callable[[], bool]) -> bool:
        """Waits with a beating heart; True when the stop is requested."""
        clock, end = self._runtime.clock, self._runtime.clock.monotonic() + seconds
        while not stopped() and (left := end - clock.monotonic()) > 0:
            self._runtime.health.beat(LOOP)
            clock.wait(self._runtime.stop.event, min(left, MAX_SILENCE / 3))
        return stopped()

    def once(self) -> Report:
        """One pass with all that belongs to it. Raises what keeps all days from being compacted, and Stopped."""
        begun = self._runtime.clock.monotonic()
        not_pushed = ""
        try:
            report = self._once(begun)
        finally:
            # Of one that has failed, too: that is what alerts are for.
            if self._pusher is not None:
                not_pushed = self._pusher.push()
        report.not_pushed = not_pushed
        _log.info(
            "pass",
            seconds=round(self._runtime.clock.monotonic() - begun, 1),
            rows_in=report.rows_in,
            rows_out=report.rows_out,
            objects_deleted=report.deleted,
            set_aside=len(report.set_aside),
            days_waiting=len(report.failures),
            push_failures=int(bool(not_pushed)),
        )
        return report

    def _once(self, begun: float) -> Report:
        clock, metrics = self._runtime.clock, self._runtime.metrics
        lake = self._open()
        report = Compactor(
            self._settings, lake.place, lake.catalog, self._runtime, point=self._step
        ).once()
        Upkeep(self._settings, lake.place, lake.catalog, self._runtime, point=self._step).after(
            report
        )
        seconds = clock.monotonic() - begun
        metrics.pass_seconds.observe(seconds)
        if not report.failures:
            metrics.last_pass.set(clock.now())
        self._keep(lake, report, seconds)
        return report

    def _step(self, name: str) -> None:
        self._point(name)
        self._runtime.health.beat(LOOP)
        # Safe at each step: what is not committed is done again, what is not deleted is known.
        if self._runtime.stop.requested:
            raise Stopped

    def _keep(self, lake: Lake, report: Report, seconds: float) -> None:
        status = Status.of(report, at=self._runtime.clock.now(), seconds=seconds)
        try:
            write_status(lake.place.bucket, self._settings.lake_table, status)
        except SluiceError as error:
            _log.warning("the status of this pass could not be kept", why=str(error))


def _pusher(settings: CompactorSettings, runtime: Runtime[Metrics]) -> Pusher | None:
    """What pushes a pass's metrics; None where nobody asks for it."""
    if settings.pushgateway is None:
        return None
    runtime.metrics.nothing_known()
    return Pusher(
        runtime.metrics.registry,
        settings.pushgateway,
        settings.pushed_labels,
        clock=runtime.clock,
    )
