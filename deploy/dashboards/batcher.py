"""The batcher."""

from typing import Final

from kit import Page, Panel, Row, q

BATCHER: Final = Page(
    "batcher",
    "Sluice RELEASE / Batcher",
    "What the batchers receive, hold and write.",
    [
        Row(
            "Messages",
            [
                Panel(
                    "Fates",
                    "ops",
                    "What becomes of messages: received = deleted + returned + held.",
                    [
                        q(
                            "sum(rate(sluice_batcher_messages_received_total{B}[$__rate_interval]))",
                            "received",
                        ),
                        q(
                            "sum(rate(sluice_batcher_messages_redelivered_total{B}[$__rate_interval]))",
                            "of these again",
                        ),
                        q(
                            "sum(rate(sluice_batcher_messages_deleted_total{B}[$__rate_interval]))",
                            "deleted",
                        ),
                        q(
                            "sum by (why) (rate(sluice_batcher_messages_returned_total{B}[$__rate_interval]))",
                            "returned: {{why}}",
                        ),
                    ],
                ),
                Panel(
                    "Held",
                    "short",
                    "What does each pod hold?",
                    [
                        q("sum by (pod) (sluice_batcher_held_messages{B})", "{{pod}}: messages"),
                        q("sum by (pod) (sluice_batcher_held_rows{B})", "{{pod}}: rows"),
                    ],
                    alert="SluiceNotWriting",
                ),
                Panel(
                    "Ages",
                    "s",
                    "How old is what is received, and what is held?",
                    [
                        q(
                            "max by (pod) (sluice_batcher_received_message_age_seconds{B})",
                            "{{pod}}: received",
                        ),
                        q(
                            "max by (pod) (sluice_batcher_oldest_held_message_age_seconds{B})",
                            "{{pod}}: held",
                        ),
                    ],
                    (120, 86400),
                    alert="SluiceQueueOld",
                ),
            ],
        ),
        Row(
            "Rows and objects",
            [
                Panel(
                    "Rows",
                    "ops",
                    "How many rows are written, how many left out by the hook?",
                    [
                        q(
                            "sum by (pod) (rate(sluice_batcher_rows_written_total{B}[$__rate_interval]))",
                            "{{pod}}",
                        ),
                        q(
                            "sum(rate(sluice_batcher_rows_dropped_total{B}[$__rate_interval]))",
                            "left out",
                        ),
                    ],
                    width=6,
                ),
                Panel(
                    "Rows a batch",
                    "short",
                    "How full are batches?",
                    [
                        q(
                            "histogram_quantile(0.5, sum by (le) (rate(sluice_batcher_batch_rows_bucket{B}[$__rate_interval])))",
                            "half",
                        )
                    ],
                    width=6,
                ),
                Panel(
                    "What closes batches",
                    "ops",
                    "Rows, bytes, age, messages or the drain?",
                    [
                        q(
                            "sum by (reason) (rate(sluice_batcher_flushes_total{B}[$__rate_interval]))",
                            "{{reason}}",
                        )
                    ],
                    width=6,
                    stacked=True,
                ),
                Panel(
                    "Flush time",
                    "s",
                    "How long from a closed batch to its objects?",
                    [
                        q(
                            "histogram_quantile(0.5, sum by (le) (rate(sluice_batcher_flush_seconds_bucket{B}[$__rate_interval])))",
                            "half",
                        ),
                        q(
                            "histogram_quantile(0.99, sum by (le) (rate(sluice_batcher_flush_seconds_bucket{B}[$__rate_interval])))",
                            "99 %",
                        ),
                    ],
                    (5, 30),
                    width=6,
                ),
            ],
        ),
        Row(
            "What goes wrong",
            [
                Panel(
                    "Failures",
                    "ops",
                    "What do SQS and S3 refuse?",
                    [
                        q(
                            "sum(rate(sluice_batcher_receive_failures_total{B}[$__rate_interval]))",
                            "receive",
                        ),
                        q(
                            "sum(rate(sluice_batcher_put_failures_total{B}[$__rate_interval]))",
                            "write",
                        ),
                        q(
                            "sum(rate(sluice_batcher_delete_failures_total{B}[$__rate_interval]))",
                            "delete",
                        ),
                        q(
                            "sum(rate(sluice_batcher_visibility_extension_failures_total{B}[$__rate_interval]))",
                            "extend",
                        ),
                        q(
                            "sum(rate(sluice_batcher_transform_failures_total{B}[$__rate_interval]))",
                            "hook",
                        ),
                    ],
                    alert="SluiceDeleteFailures",
                ),
                Panel(
                    "Visibility",
                    "ops",
                    "How many leases are extended?",
                    [
                        q(
                            "sum(rate(sluice_batcher_visibility_extensions_total{B}[$__rate_interval]))",
                            "extended",
                        )
                    ],
                    alert="SluiceLostLeases",
                ),
                Panel(
                    "Values and times",
                    "ops",
                    "What does not fit its column, what has no time of its own?",
                    [
                        q(
                            "sum(rate(sluice_batcher_values_nulled_total{B}[$__rate_interval]))",
                            "values nulled",
                        ),
                        q(
                            "sum(rate(sluice_batcher_rows_without_event_time_total{B}[$__rate_interval]))",
                            "rows without event time",
                        ),
                    ],
                    alert="SluiceValuesNulled",
                ),
                Panel(
                    "Dead letters waiting",
                    "short",
                    "Does the dead-letter queue accept?",
                    [q("sum by (pod) (sluice_batcher_poison_backlog{B})", "{{pod}}")],
                    (1, 100),
                    width=12,
                    alert="SluiceDeadLettersNotAccepted",
                ),
                Panel(
                    "Since the last batch",
                    "s",
                    "When has each pod last stored something?",
                    [
                        q(
                            "time() - max by (pod) (sluice_batcher_last_flush_timestamp_seconds{B} > 0)",
                            "{{pod}}",
                        )
                    ],
                    width=12,
                ),
            ],
        ),
    ],
)
