"""What the in-cluster source gives: ids that are a pure function of its seed."""

from datetime import UTC, datetime, timedelta

from sluice_local.events import EventStream


def expected(count: int, *, seed: int = 0) -> list[str]:
    """Ids of the events 0 … count − 1 that are data (canaries are not)."""
    stream = EventStream(seed, 0, 1)
    return [stream.event_id(n) for n in range(count) if not stream.is_canary(n)]


def soon() -> str:
    """`--start=` of a moment behind the producers' first connection, so that all read every event.

    With a start of its own the source gives the same events again after its pod was replaced.
    """
    return ago(minutes=-2)


def ago(*, minutes: float) -> str:
    """`--start=` of so long ago: every event is so old when it comes."""
    start = datetime.now(UTC) - timedelta(minutes=minutes)
    return f"--start={start.isoformat(timespec='seconds').replace('+00:00', 'Z')}"
