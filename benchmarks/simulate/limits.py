"""How much one installation can carry at most, part by part, and which setting moves each limit."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from simulate.given import IN_FLIGHT, S3_PUTS, Measured, Network, Setup


class Limit(NamedTuple):
    """`most`: events/s; `moves`: what to change when it is the first."""

    what: str
    most: float
    moves: str


@dataclass(frozen=True)
class Parts:
    """One installation under what was measured: rates of its parts, in events/s."""

    setup: Setup
    measured: Measured
    network: Network

    def pack_events(self, rate: float) -> float:
        """Events of a message at `rate` (of one producer): full by bytes or events, or as old as a pack may be."""
        full = self.setup.pack_bytes / self.measured.packed_bytes
        if self.setup.pack_events:
            full = min(full, self.setup.pack_events)
        return max(1.0, min(full, rate * self.setup.pack_age))

    @property
    def full_pack(self) -> float:
        """Events of a message at its fullest."""
        return self.pack_events(math.inf)

    def in_a_call(self) -> float:
        """Messages of one SendMessageBatch or ReceiveMessage: ten, and 1 MiB, at most."""
        weight = self.full_pack * self.measured.packed_bytes
        return max(1.0, min(10.0, 2**20 // max(weight, 1.0)))

    def producer(self) -> dict[str, Limit]:
        """One producer's limits."""
        call = self.setup.senders * self.in_a_call() * self.full_pack / self.network.sqs
        return {
            "core": Limit(
                "the producer's core", 1e6 / self.measured.producer, "`producers`: more sources"
            ),
            "calls": Limit(
                "sends under way", call, "`SLUICE_SENDERS`, or larger packs (`producer.pack`)"
            ),
        }

    def pod(self) -> dict[str, Limit]:
        """One batcher's limits."""
        rows, calls = self.setup.batch_rows, self.in_a_call() * self.full_pack
        return {
            "core": Limit(
                "a batcher's core",
                1e6 / self.measured.batcher,
                "more pods, larger batches, fewer columns",
            ),
            "calls": Limit(
                "receives under way",
                self.setup.receivers * calls / self.network.sqs,
                "`SLUICE_RECEIVERS`, or larger packs",
            ),
            "flush": Limit(
                f"{self.setup.flushers} PUTs at once",
                self.setup.flushers * max(rows, self.full_pack) / self.network.put,
                "`batcher.batch.maxRows`: larger objects; `SLUICE_FLUSHERS`",
            ),
            "held": Limit(
                "messages that one pod may hold",
                self.setup.held_messages * self.full_pack / self.fill(),
                "`batcher.maxHeldMessages`, or a smaller `batch.maxAge`",
            ),
        }

    def fill(self) -> float:
        """Seconds of a batch at a pod's full speed."""
        speed = 1e6 / self.measured.batcher
        return max(1e-3, min(self.setup.batch_age, self.setup.batch_rows / speed))

    def pod_rate(self) -> float:
        """What one batcher carries."""
        return min(limit.most for limit in self.pod().values())

    def producers_rate(self) -> float:
        """What all producers carry."""
        return self.setup.producers * min(limit.most for limit in self.producer().values())

    def all(self) -> list[Limit]:
        """Limits of the whole, the first one first."""
        setup = self.setup
        reader = min(self.producer().values(), key=lambda limit: limit.most)
        pod = min(self.pod().values(), key=lambda limit: limit.most)
        pods = f"{setup.max_pods} batchers, each at {pod.what}"
        held = min(setup.held_messages, self.pod_rate() * self.fill() / self.full_pack + 1)
        return sorted(
            [
                Limit(
                    f"{setup.producers} × {reader.what}",
                    reader.most * setup.producers,
                    reader.moves,
                ),
                Limit(pods, pod.most * setup.max_pods, f"`autoscaling.maxReplicas`; {pod.moves}"),
                Limit(
                    f"{IN_FLIGHT:,} messages in flight",
                    IN_FLIGHT / held * self.pod_rate(),
                    "larger packs, a smaller `batch.maxAge`; a second queue",
                ),
                Limit(
                    f"S3's {S3_PUTS:,.0f} PUTs/s of a prefix",
                    S3_PUTS * setup.prefixes * max(setup.batch_rows, self.full_pack),
                    "`batcher.batch.maxRows`; a second installation with a `bucket.prefix` of its own",
                ),
            ],
            key=lambda limit: limit.most,
        )
