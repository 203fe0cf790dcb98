"""The compactor's metrics."""

import math
from collections.abc import Sequence
from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Sequence[float] = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """All of them, under the prefix `sluice_compactor_`; times in seconds, sizes in bytes."""

    COUNTS: ClassVar = {
        "rows_in": "sluice_compactor_rows_read_total",
        "rows_out": "sluice_compactor_rows_written_total",
        "duplicates": "sluice_compactor_duplicates_dropped_total",
        "lost_races": "sluice_compactor_lost_races_total",
    }
    """What the line of each minute counts."""
    STATES: ClassVar = {
        "raw_objects": "sluice_compactor_raw_objects",
        "set_aside": "sluice_compactor_set_aside_objects",
    }

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

        def counter(name: str, text: str) -> Counter:
            return Counter(f"sluice_compactor_{name}", text, registry=registry)

        self._gauges: list[Gauge] = []

        def gauge(name: str, text: str) -> Gauge:
            made = Gauge(f"sluice_compactor_{name}", text, registry=registry)
            self._gauges.append(made)
            return made

        self.rows_in = counter("rows_read", "Rows of raw objects that were read for a commit.")
        self.rows_out = counter("rows_written", "Rows that a commit has brought into the table.")
        self.duplicates = counter(
            "duplicates_dropped", "Rows that were left out because the table has their id."
        )
        self.raw_deleted = counter(
            "raw_objects_deleted", "Raw objects deleted after their rows were in the table."
        )
        self.commits = counter("commits", "Snapshots that were committed.")
        self.lost_races = counter(
            "lost_races",
            "Commits that another writer was faster than: done again from a fresh read.",
        )
        self.failures = counter(
            "day_failures", "Days that could not be compacted in a pass: tried again in the next."
        )
        self.swept = counter("files_swept", "Files that no snapshot named, deleted.")
        self.rewritten = counter(
            "partitions_rewritten", "Finished days (partitions) whose small files became few."
        )
        self.expired = counter("snapshots_expired", "Snapshots that can no longer be read.")
        self.raw_objects = gauge("raw_objects", "Raw objects in the bucket at the last listing.")
        self.raw_bytes = gauge("raw_bytes", "Bytes of these objects.")
        self.oldest_raw = gauge(
            "oldest_raw_age_seconds",
            "Age of the oldest raw object at the last pass's start, without what is set aside and what is kept (SLUICE_LAKE_KEEP_RAW).",
        )
        self.set_aside = gauge(
            "set_aside_objects", "Raw objects that do not fit the table: left where they are."
        )
        self.dirty_days = gauge(
            "dirty_partitions", "Days (partitions) that had raw objects to compact."
        )
        self.day_files = gauge(
            "day_files", "Data files of the day that has the most of them, after the last pass."
        )
        self.last_commit = gauge(
            "last_commit_timestamp_seconds", "When a snapshot was last committed by this process."
        )
        self.last_pass = gauge(
            "last_pass_timestamp_seconds", "When a pass was last finished without a failure."
        )
        self.pass_seconds = Histogram(
            "sluice_compactor_pass_seconds", "A whole pass.", registry=registry, buckets=_SECONDS
        )

    def nothing_known(self) -> None:
        """Makes all states NaN: of one that stays so nothing was found out."""
        for gauge in self._gauges:
            gauge.set(math.nan)
