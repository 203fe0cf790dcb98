"""For tests, and public: a scripted SSE source, a parser over bytes, a whole producer over fakes."""

from sluice_producer.testing.source import (
    Answer,
    Request,
    SseServer,
    frame,
    make_runtime,
    parse,
    wikimedia_id,
)

__all__ = [
    "Answer",
    "Request",
    "SseServer",
    "frame",
    "make_runtime",
    "parse",
    "wikimedia_id",
]
