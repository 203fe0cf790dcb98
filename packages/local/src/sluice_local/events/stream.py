"""The generated stream: event n as a pure function of seed, n, start time and interval.

It is shaped like a Kafka topic of recent changes as EventStreams serves it. Offsets rise with n, but
timestamps do not: most events are a few milliseconds out of order, and one in sixty is up to 20 s
late, as in the real stream. Every 601st event is a canary, written to the other datacentre's topic.
"""

import hashlib
import random
import time
from functools import lru_cache

from sluice_local.events import template

TOPIC = "eqiad.mediawiki.recentchange"
OTHER_TOPIC = "codfw.mediawiki.recentchange"
TOPICS = (TOPIC, OTHER_TOPIC)

_FIRST_OFFSET = 5_559_405_228
_FIRST_RCID = 2_842_663_881
_TEMPLATES = 4096
_CANARY_EVERY = 601
_JITTER_MS = 60
_LATEST_MS = 20_000
_LATE_OF_256 = 4


class EventStream:
    """Events 0, 1, 2 … of one generated stream.

    `start_ms` is the first event's Kafka timestamp (epoch milliseconds), `interval_ms` the mean time
    between two events.
    """

    def __init__(self, seed: int, start_ms: int, interval_ms: float) -> None:
        if interval_ms <= 0:
            raise ValueError("the interval between events must be positive")
        self.seed = seed
        self.start_ms = start_ms
        self.interval_ms = interval_ms
        self._key = seed.to_bytes(16, "big", signed=True)
        self._templates: list[bytes | None] = [None] * _TEMPLATES
        self._canary = template.canary()

    def is_canary(self, n: int) -> bool:
        """Whether event n is artificial (`meta.domain` is "canary")."""
        return n % _CANARY_EVERY == _CANARY_EVERY - 1

    def topic(self, n: int) -> str:
        """The Kafka topic of event n."""
        return OTHER_TOPIC if self.is_canary(n) else TOPIC

    def event_id(self, n: int) -> str:
        """`meta.id` of event n, a UUID that depends on seed and n only."""
        return _uuid(self._digest(n).hex())

    def timestamp(self, n: int) -> int:
        """The Kafka timestamp of event n in epoch milliseconds; `meta.dt` is the same instant."""
        return self._timestamp(n, self._digest(n))

    def event(self, n: int) -> bytes:
        """Event n as one line of JSON (UTF-8, no line end; U+2028 and U+0085 are raw)."""
        return self.stamped(n)[1]

    def stamped(self, n: int) -> tuple[int, bytes]:
        """Kafka timestamp (epoch milliseconds) and JSON of event n."""
        digest = self._digest(n)
        at = self._timestamp(n, digest)
        text = digest.hex()
        canary = n % _CANARY_EVERY == _CANARY_EVERY - 1
        pattern = self._canary if canary else self._template(digest[32] << 8 | digest[33])
        seconds, millis = divmod(at, 1000)
        return at, pattern % {
            b"request_id": _uuid(text[32:]).encode(),
            b"id": _uuid(text).encode(),
            b"dt": b"%s.%03dZ" % (_second(seconds), millis),
            b"topic": (OTHER_TOPIC if canary else TOPIC).encode(),
            b"offset": self.offset(n),
            b"rcid": _FIRST_RCID + n,
            b"seconds": seconds,
            b"number": 10_000 + int.from_bytes(digest[34:38], "big") % 900_000_000,
        }

    def offset(self, n: int) -> int:
        """The Kafka offset of event n in its topic."""
        return self.next_offset(self.topic(n), n)

    def next_offset(self, topic: str, n: int) -> int:
        """The Kafka offset of the first event of `topic` that is not before event n."""
        canaries = n // _CANARY_EVERY
        return canaries if topic == OTHER_TOPIC else _FIRST_OFFSET + n - canaries

    def number(self, topic: str, offset: int) -> int:
        """The number of the event at `offset` of `topic`; 0 for an offset before the stream."""
        if topic == OTHER_TOPIC:
            return max(0, offset * _CANARY_EVERY + _CANARY_EVERY - 1)
        place = max(0, offset - _FIRST_OFFSET)
        return place + place // (_CANARY_EVERY - 1)

    def first_at(self, timestamp_ms: int, topic: str, end: int | None) -> int:
        """Kafka's offsetsForTimes: the first n of `topic` whose timestamp is ≥ `timestamp_ms`.

        `end` when there is none before it (None: the stream has no end).
        """
        # No event is earlier in the stream than its timestamp less the largest forward jitter.
        n = max(0, int((timestamp_ms - self.start_ms - _JITTER_MS) // self.interval_ms))
        while end is None or n < end:
            if self.topic(n) == topic and self.timestamp(n) >= timestamp_ms:
                return n
            n += 1
        return end

    def _digest(self, n: int) -> bytes:
        return hashlib.blake2b(n.to_bytes(8, "big"), key=self._key, digest_size=42).digest()

    def _timestamp(self, n: int, digest: bytes) -> int:
        at = self.start_ms + int(n * self.interval_ms)
        if n == 0:
            return at
        if digest[38] < _LATE_OF_256:
            return at - int((digest[39] / 255) ** 2 * _LATEST_MS)
        return at + digest[39] % (2 * _JITTER_MS + 1) - _JITTER_MS

    def _template(self, number: int) -> bytes:
        number %= _TEMPLATES
        found = self._templates[number]
        if found is None:
            found = template.build(random.Random(f"{self.seed}/{number}"))  # noqa: S311
            self._templates[number] = found
        return found


def _uuid(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


@lru_cache(maxsize=256)
def _second(seconds: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode()
