"""The very first step: the position to start from, with ourselves written down as its owner.

On a first start the position is the start time, and it is written before the first connection: a kill in the
first second then loses nothing, because the next start asks for everything since.
"""

from sluice_core.service.logs import get_logger
from sluice_core.service.retry import Backoff, Waiting, retry_forever

from sluice_producer.progress.checkpoint import Checkpoint
from sluice_producer.progress.tracker import TrackerState
from sluice_producer.runtime import Runtime

_log = get_logger(__name__)


def claim(checkpoint: Checkpoint, started_at: int, runtime: Runtime) -> TrackerState:
    """The position; `started_at` (epoch milliseconds) is that of a first start.

    Waits while the store is away. Raises retry.Stopped, OwnershipError, PermanentError.
    """

    def attempt() -> TrackerState:
        state = checkpoint.claim()
        if state is None:
            state = TrackerState(started_at)
            _log.info("first start: no checkpoint yet")
        checkpoint.save(state)
        return state

    waiting = Waiting("checkpoint", runtime.health)
    runtime.health.set_ready("checkpoint", ready=False, why="not claimed yet")
    state = retry_forever(
        attempt,
        stop=runtime.stop,
        clock=runtime.clock,
        backoff=Backoff(cap=5.0, rng=runtime.rng),
        on_error=waiting,
        until_requested=True,
    )
    waiting.over()
    return state
