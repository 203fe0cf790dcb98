"""The tracker of a source, and what is told when it has to give its place up."""

from collections.abc import Callable

from sluice_core.service.logs import get_logger

from sluice_producer.progress.tracker import GenericTracker, Tracker, TrackerState, WikimediaTracker
from sluice_producer.runtime import Runtime

_log = get_logger(__name__)


def make_tracker(
    state: TrackerState,
    runtime: Runtime,
    *,
    wikimedia: bool,
    rewind: float,
    raise_floor: Callable[[int], None] | None = None,
) -> Tracker:
    """A tracker at `state`, which resumes `rewind` seconds earlier.

    `raise_floor` hears of a place (milliseconds) before which the source has nothing.
    """

    def moved(ended: int | None, taken: int | None) -> None:
        """The place had to be given up; events may be lost unless reading goes on before where it had ended."""
        if raise_floor is not None:
            raise_floor(taken or 0)
        if ended is not None and taken is not None and taken <= ended:
            _log.warning(
                "a silent topic's place was too old: moved, nothing is lost", resumed_at_ms=taken
            )
            return
        seconds = 0.0 if ended is None or taken is None else (taken - ended) / 1000
        runtime.metrics.gaps.inc()
        runtime.metrics.last_gap.set(runtime.clock.now())
        runtime.metrics.gap_seconds.inc(seconds)
        _log.error(
            "GAP: the source could not be asked for what follows the checkpoint; reading goes on later",
            gap_seconds=seconds,
            resumed_at_ms=taken,
        )

    if not wikimedia:
        return GenericTracker(state, moved)
    return WikimediaTracker(state, moved, rewind=round(rewind * 1000), now=runtime.clock.now)
