"""Generated recent changes: realistic, odd where the real ones are odd, and the same for a seed."""

from sluice_local.events.stream import OTHER_TOPIC, TOPIC, TOPICS, EventStream

__all__ = ["OTHER_TOPIC", "TOPIC", "TOPICS", "EventStream"]
