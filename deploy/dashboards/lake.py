"""The lake: the compactor, where Prometheus sees it (`compactor.every`, or a Pushgateway)."""

from typing import Final

from kit import Page, Panel, Row, q


def _rate(name: str) -> str:
    return f"sum(rate(sluice_compactor_{name}_total{{C}}[$__rate_interval]))"


LAKE: Final = Page(
    "lake",
    "Sluice RELEASE / Lake",
    "How raw objects become the exactly-once table.",
    [
        Row(
            "Now",
            [
                Panel(
                    "Oldest raw object",
                    "s",
                    "How far is the table behind? More than six hours is an alert.",
                    [q("max(sluice_compactor_oldest_raw_age_seconds{C})")],
                    (7200, 21600),
                    number=True,
                    width=6,
                    alert="SluiceRawObjectsOld",
                ),
                Panel(
                    "Set aside",
                    "short",
                    "Does every object fit? `sluice compact --status` names those that do not, with the reason.",
                    [q("max(sluice_compactor_set_aside_objects{C})")],
                    (1, None),
                    number=True,
                    width=6,
                    alert="SluiceCompactorSetAside",
                ),
                Panel(
                    "Since the last good pass",
                    "s",
                    "When has a pass last been without a failure?",
                    [q("time() - max(sluice_compactor_last_pass_timestamp_seconds{C} > 0)")],
                    (1800, 3600),
                    number=True,
                    width=6,
                    alert="SluiceCompactorFailing",
                ),
                Panel(
                    "Since the last commit",
                    "s",
                    "When have rows last come into the table? It may be long where nothing is new.",
                    [q("time() - max(sluice_compactor_last_commit_timestamp_seconds{C} > 0)")],
                    number=True,
                    width=6,
                ),
            ],
        ),
        Row(
            "Rows and objects",
            [
                Panel(
                    "Rows",
                    "ops",
                    "How many rows are read, written, and left out because the table has them?",
                    [
                        q(_rate("rows_read"), "read"),
                        q(_rate("rows_written"), "written"),
                        q(_rate("duplicates_dropped"), "duplicates left out"),
                    ],
                ),
                Panel(
                    "Raw objects",
                    "short",
                    "How many wait, of how many days?",
                    [
                        q("max(sluice_compactor_raw_objects{C})", "objects"),
                        q("max(sluice_compactor_dirty_partitions{C})", "days"),
                    ],
                ),
                Panel(
                    "Raw bytes",
                    "bytes",
                    "How much is it?",
                    [q("max(sluice_compactor_raw_bytes{C})")],
                ),
                Panel(
                    "Pass time",
                    "s",
                    "How long does a pass take?",
                    [
                        q(
                            "histogram_quantile(0.5, sum by (le) (rate(sluice_compactor_pass_seconds_bucket{C}[1h])))",
                            "half",
                        ),
                        q(
                            "histogram_quantile(0.99, sum by (le) (rate(sluice_compactor_pass_seconds_bucket{C}[1h])))",
                            "99 %",
                        ),
                    ],
                    (600, 1800),
                    width=12,
                ),
                Panel(
                    "Files a day",
                    "short",
                    "How many data files has the day that has most?",
                    [q("max(sluice_compactor_day_files{C})")],
                    (50, 200),
                    width=12,
                ),
            ],
        ),
        Row(
            "Commits and upkeep",
            [
                Panel(
                    "Commits",
                    "ops",
                    "How many commits land, how many come too late and are done again, how many days fail?",
                    [
                        q(_rate("commits"), "commits"),
                        q(_rate("lost_races"), "lost races"),
                        q(_rate("day_failures"), "days that failed"),
                    ],
                    width=12,
                ),
                Panel(
                    "Upkeep",
                    "ops",
                    "What is deleted, rewritten and expired?",
                    [
                        q(_rate("raw_objects_deleted"), "raw objects deleted"),
                        q(_rate("files_swept"), "files swept"),
                        q(_rate("partitions_rewritten"), "days rewritten"),
                        q(_rate("snapshots_expired"), "snapshots expired"),
                    ],
                    width=12,
                ),
            ],
        ),
    ],
)
