"""The ids that the in-cluster source gives: a pure function of its seed."""

from sluice_cli.events import EventStream


def expected(count: int, *, seed: int = 0) -> list[str]:
    """Ids of the events 0 … count − 1 that are data (canaries are not)."""
    stream = EventStream(seed, 0, 1)
    return [stream.event_id(n) for n in range(count) if not stream.is_canary(n)]
