"""For tests, and public: a parser over bytes, a runtime, a whole producer over fakes."""

from sluice_producer.testing.source import frame, make_runtime, parse, wikimedia_id

__all__ = ["frame", "make_runtime", "parse", "wikimedia_id"]
