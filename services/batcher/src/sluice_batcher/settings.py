"""The batcher's settings. A value that cannot work, alone or with others, refuses the start."""

from typing import Final, Literal

from pydantic import Field, field_validator
from sluice_core.limits import SQS_IN_FLIGHT, SQS_MAX_VISIBILITY_SECONDS, SQS_MAX_WAIT_SECONDS
from sluice_core.settings import CommonSettings
from sluice_core.settings.quantities import Bytes, Seconds
from sluice_core.wire.event_time import DEFAULT_EVENT_TIME, EventTimePaths

from sluice_batcher.rows.columns import RAW
from sluice_batcher.write.formats import LEVELS, Compression, default_compression
from sluice_batcher.write.partition import Partitioner

DRAIN_SECONDS: Final = 2.0
"""What a drain needs after the last poll: one flush, its deletes, and handing back the rest."""


_LARGE: Final = 10_000
"""Rows of a batch from which on its memory counts for more than an idle core."""


def flushers_for(rows: int) -> int:
    """How many batches of so many rows are flushed side by side when nobody says: of large ones memory counts."""
    return 1 if rows > _LARGE else 2


class BatcherSettings(CommonSettings):
    """Settings of `python -m sluice_batcher`. Units: seconds and bytes; `5s`, `2m`, `64MiB` work too."""

    format: Literal["csv", "jsonl", "parquet"] = Field(
        "csv", description="The objects' format; CSV has a header line."
    )
    compression: Literal["none", "gzip", "zstd"] | None = Field(
        None, description="The objects' compression. Unset: `zstd` for Parquet, `none` for text."
    )
    compression_level: int | None = Field(
        None,
        ge=1,
        le=19,
        description="Its level: gzip 1 to 9, zstd 1 to 19. Unset: 6 and 3; for Parquet 1. Beside gzip's 6 (as small as `gzip -6`): 1 (ISA-L) takes a fifth of the CPU and is a quarter larger, 4 three quarters and 5 % larger, 8 half as much again and 2 % smaller. Beside zstd's 3: 1 takes two thirds and is up to 5 % larger.",
    )
    columns: str = Field(
        "article",
        min_length=1,
        description="`article`, `recentchange` (every field, typed), `raw` (each event as it came, for JSON lines only), or a YAML file of columns (name, path, type).",
    )
    batch_max_rows: int = Field(
        100,
        ge=1,
        le=5_000_000,
        description="Rows that close a batch. A batch holds whole messages: up to one pack less one row over it.",
    )
    batch_max_bytes: Bytes = Field(
        64 * 2**20,
        ge=1_000,
        le=2**31,
        description="Bytes of events (unpacked JSON) that close a batch.",
    )
    batch_max_age: Seconds = Field(
        30.0,
        gt=0,
        description="Age of the oldest held message that closes a batch: how late a row may be in a quiet stream.",
    )
    partition_by: str = Field(
        "dt,hour",
        min_length=1,
        description="Parts of the object's path by event time in UTC: out of year, month, day, dt, hour; or `none`.",
    )
    event_time: EventTimePaths = Field(
        DEFAULT_EVENT_TIME,
        description="Where an event says when it happened: paths in its data, commas between them; the first that holds a time counts, else SQS's SentTimestamp (docs/explanation/event-time.md). The default serves both presets.",
    )
    unwrap: Literal["none", "sns", "eventbridge"] = Field(
        "none",
        description="An envelope to take off each message: SNS's notification (`sns`, without raw message delivery), EventBridge's event (`eventbridge`).",
    )
    drain: Literal["flush", "return"] = Field(
        "flush",
        description="What a stop does with a batch that is not full: `flush` writes it; `return` hands its messages back, for another batcher (no small object because of scale-in).",
    )
    transform: str | None = Field(
        None,
        description="A pandas hook, `module:function`: DataFrame in, DataFrame out, for the rows of each object.",
    )
    receivers: int = Field(2, ge=1, le=32, description="Threads that long-poll the queue.")
    flushers: int | None = Field(
        None,
        ge=1,
        le=32,
        description="Batches that are flushed side by side: one is encoded while S3 takes another. Unset: 2, and 1 for batches over 10,000 rows, whose memory counts. More of them help where objects are small and S3 is far. Always 1 where there is a transform.",
    )
    visibility_timeout: Seconds | None = Field(
        None,
        ge=2,
        le=SQS_MAX_VISIBILITY_SECONDS,
        description="Visibility timeout asked for at each receive. Unset: the queue's own. Extended at half-life while a message is held.",
    )
    receive_wait: Seconds = Field(
        5.0,
        ge=0,
        le=SQS_MAX_WAIT_SECONDS,
        description="How long a poll waits for the first message, in whole seconds. A stop waits for it to come back.",
    )
    uploads: int = Field(
        4,
        ge=1,
        le=64,
        description="Objects of one batch written at once, when it touches many partitions.",
    )
    max_held_messages: int = Field(
        20_000,
        ge=20,
        le=SQS_IN_FLIGHT,
        description="Messages held at once, at most: a full batcher stops receiving. SQS allows 120,000 in flight a queue.",
    )

    @field_validator("partition_by")
    @classmethod
    def _partition_is_known(cls, value: str) -> str:
        Partitioner(value)
        return value

    @field_validator("transform")
    @classmethod
    def _transform_is_a_function(cls, value: str | None) -> str | None:
        module, _, function = (value or "").partition(":")
        if value and not (
            function.isidentifier() and all(map(str.isidentifier, module.split(".")))
        ):
            raise ValueError("a module and a function in it are needed, such as my_hook:transform")
        return value

    @field_validator("receive_wait")
    @classmethod
    def _whole_seconds(cls, value: float) -> float:
        if value != int(value):
            raise ValueError("SQS takes whole seconds")
        return value

    @property
    def flushed_at_once(self) -> int:
        """How many batches are flushed side by side. A hook is called by one thread, always the same."""
        if self.transform is not None:
            return 1
        return self.flushers or flushers_for(self.batch_max_rows)

    @property
    def batches_held(self) -> float:
        """Full batches in memory at most: those in flush, and as much of the next as may be received meanwhile."""
        return self.flushed_at_once + (0.25 if self.batch_max_rows > _LARGE else 1)

    def contradictions(self) -> list[str]:
        """Rules between settings that do not hold, a line each."""
        problems = super().contradictions()
        compression = Compression(self.compression or default_compression(self.format))
        if self.columns == RAW and self.format != "jsonl":
            problems.append(
                f"SLUICE_COLUMNS=raw: events as they came are JSON lines; SLUICE_FORMAT={self.format} has columns"
            )
        if self.columns == RAW and self.transform is not None:
            problems.append(
                f"SLUICE_TRANSFORM={self.transform!r}: a hook works on columns, and SLUICE_COLUMNS=raw has none"
            )
        levels = LEVELS.get(compression, range(0))
        if self.compression_level is not None and self.compression_level not in levels:
            problems.append(
                f"SLUICE_COMPRESSION_LEVEL={self.compression_level}: {compression} "
                + (f"has levels {levels[0]} to {levels[-1]}" if levels else "has no levels")
            )
        lease = self.visibility_timeout or 0.0
        if lease != int(lease):
            problems.append(
                f"SLUICE_VISIBILITY_TIMEOUT={lease:g}: SQS takes whole seconds (or leave it to the queue)"
            )
        if self.batch_max_age >= SQS_MAX_VISIBILITY_SECONDS - lease:
            problems.append(
                f"SLUICE_BATCH_MAX_AGE={self.batch_max_age:g}s: must be less than the {SQS_MAX_VISIBILITY_SECONDS} s "
                f"that SQS lets a message be held, less SLUICE_VISIBILITY_TIMEOUT ({lease:g} s)"
            )
        if self.receive_wait + DRAIN_SECONDS >= self.shutdown_grace:
            problems.append(
                f"SLUICE_SHUTDOWN_GRACE={self.shutdown_grace:g}s: must exceed SLUICE_RECEIVE_WAIT "
                f"({self.receive_wait:g} s) and {DRAIN_SECONDS:g} s to flush"
            )
        if self.batch_max_bytes < self.max_event_bytes:
            problems.append(
                f"SLUICE_BATCH_MAX_BYTES={self.batch_max_bytes}: must be at least SLUICE_MAX_EVENT_BYTES "
                f"({self.max_event_bytes}): a batch holds at least one event"
            )
        return problems
