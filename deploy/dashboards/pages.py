"""What stands on the dashboards: each panel answers a question that its description asks."""

from typing import Final

from kit import Page, Panel, Row, q

OVERVIEW: Final = Page(
    "overview",
    "Sluice RELEASE / Overview",
    "Is it well, and if not, where does the time go?",
    [
        Row(
            "Health",
            [
                Panel(
                    "Freshness, 99 %",
                    "s",
                    "How old are rows when S3 has them? 1 % are older than this.",
                    [
                        q(
                            "histogram_quantile(0.99, sum by (le) (rate(sluice_batcher_freshness_seconds_bucket{B}[$__rate_interval])))"
                        )
                    ],
                    (120, 600),
                    number=True,
                    width=3,
                ),
                Panel(
                    "Stream lag",
                    "s",
                    "How far is the producer behind its source?",
                    [q("max(sluice_producer_stream_lag_seconds{P})")],
                    (60, 300),
                    number=True,
                    width=3,
                ),
                Panel(
                    "Backlog",
                    "short",
                    "How many messages wait in the queue?",
                    [q('max(sluice_producer_queue_messages{P,queue="main",state="visible"})')],
                    number=True,
                    width=3,
                ),
                Panel(
                    "Batchers",
                    "short",
                    "How many batchers are there?",
                    [q('count(sluice_build_info{A,component="batcher"})')],
                    (1, 1),
                    number=True,
                    width=3,
                    low=True,
                ),
                Panel(
                    "Gap seconds (lost)",
                    "s",
                    "How much of the stream was gone at the source when reading resumed? 0 is nothing lost.",
                    [q("sum(sluice_producer_resume_gap_seconds_total{P})")],
                    (None, 0.001),
                    number=True,
                    width=4,
                ),
                Panel(
                    "Resume gaps",
                    "short",
                    "How often was a place in the stream given up?",
                    [q("sum(sluice_producer_resume_gaps_total{P})")],
                    (None, 1),
                    number=True,
                    width=4,
                ),
                Panel(
                    "Dead letters in their queue",
                    "short",
                    "How many dead letters wait for somebody?",
                    [
                        q(
                            'max(sluice_producer_queue_messages{P,queue="dead-letter",state="visible"})'
                        )
                    ],
                    (1, 100),
                    number=True,
                    width=4,
                ),
            ],
        ),
        Row(
            "Flow",
            [
                Panel(
                    "Events in, rows out",
                    "ops",
                    "Do as many come out as go in? The lines lie on each other while nothing waits.",
                    [
                        q(
                            "sum(rate(sluice_producer_events_received_total{P}[$__rate_interval]))",
                            "received",
                        ),
                        q(
                            "sum(rate(sluice_producer_events_sent_total{P}[$__rate_interval]))",
                            "sent",
                        ),
                        q(
                            "sum(rate(sluice_batcher_rows_written_total{B}[$__rate_interval]))",
                            "written",
                        ),
                    ],
                ),
                Panel(
                    "Queue",
                    "short",
                    "What is in the queue: waiting, held by batchers, delayed?",
                    [
                        q(
                            'max by (state) (sluice_producer_queue_messages{P,queue="main"})',
                            "{{state}}",
                        )
                    ],
                    stacked=True,
                ),
                Panel(
                    "Dead letters",
                    "ops",
                    "What cannot be a row, by service and reason?",
                    [
                        q(
                            "sum by (reason) (rate(sluice_producer_events_dead_lettered_total{P}[$__rate_interval]))",
                            "producer: {{reason}}",
                        ),
                        q(
                            "sum by (reason) (rate(sluice_batcher_poison_records_total{B}[$__rate_interval]))",
                            "batcher: {{reason}}",
                        ),
                    ],
                ),
            ],
        ),
        Row(
            "Where the time goes",
            [
                Panel(
                    "By stage",
                    "s",
                    "Source, queue, batch, S3: which part makes rows old?",
                    [
                        q("max(sluice_producer_stream_lag_seconds{P})", "source to producer"),
                        q("max(sluice_batcher_received_message_age_seconds{B})", "in the queue"),
                        q("max(sluice_batcher_oldest_held_message_age_seconds{B})", "in a batch"),
                        q(
                            "histogram_quantile(0.99, sum by (le) (rate(sluice_batcher_flush_seconds_bucket{B}[$__rate_interval])))",
                            "to S3",
                        ),
                    ],
                    width=12,
                ),
                Panel(
                    "Freshness",
                    "s",
                    "Half of the rows, 95 % and 99 % are no older than this when stored.",
                    [
                        q(
                            "histogram_quantile(SHARE, sum by (le) (rate(sluice_batcher_freshness_seconds_bucket{B}[$__rate_interval])))".replace(
                                "SHARE", share
                            ),
                            share,
                        )
                        for share in ("0.5", "0.95", "0.99")
                    ],
                    (None, 600),
                    width=12,
                ),
            ],
        ),
    ],
)

PRODUCER: Final = Page(
    "producer",
    "Sluice RELEASE / Producer",
    "What the producer reads, holds and sends.",
    [
        Row(
            "Source",
            [
                Panel(
                    "Connected",
                    "bool_yes_no",
                    "Is there a connection?",
                    [q("min by (pod) (sluice_producer_connected{P})", "{{pod}}")],
                    (1, 1),
                    number=True,
                    width=4,
                    low=True,
                ),
                Panel(
                    "Paused",
                    "bool_yes_no",
                    "Does reading wait for SQS or for the checkpoint?",
                    [q("max by (pod) (sluice_producer_paused{P})", "{{pod}}")],
                    (None, 1),
                    number=True,
                    width=4,
                ),
                Panel(
                    "Reconnects",
                    "ops",
                    "What ends connections?",
                    [
                        q(
                            'sum by (cause) (rate(sluice_producer_reconnects_total{P}[$__rate_interval])) > 0 or sum by (cause) (rate(sluice_producer_reconnects_total{P,cause="end"}[$__rate_interval]))',
                            "{{cause}}",
                        )
                    ],
                    width=8,
                ),
                Panel(
                    "Lag",
                    "s",
                    "How old are events when they are read: now, and of 99 %?",
                    [
                        q("max by (pod) (sluice_producer_stream_lag_seconds{P})", "{{pod}}"),
                        q(
                            "histogram_quantile(0.99, sum by (le) (rate(sluice_producer_stream_delay_seconds_bucket{P}[$__rate_interval])))",
                            "99 %",
                        ),
                    ],
                    (60, 300),
                ),
            ],
        ),
        Row(
            "Events",
            [
                Panel(
                    "Fates",
                    "ops",
                    "What becomes of events: received = sent + filtered + dead-lettered + buffered.",
                    [
                        q(
                            "sum(rate(sluice_producer_events_received_total{P}[$__rate_interval]))",
                            "received",
                        ),
                        q(
                            "sum(rate(sluice_producer_events_sent_total{P}[$__rate_interval]))",
                            "sent",
                        ),
                        q(
                            "sum by (reason) (rate(sluice_producer_events_filtered_total{P}[$__rate_interval]))",
                            "filtered: {{reason}}",
                        ),
                        q(
                            "sum(rate(sluice_producer_events_dead_lettered_total{P}[$__rate_interval]))",
                            "dead-lettered",
                        ),
                    ],
                ),
                Panel(
                    "Held",
                    "short",
                    "What is read and not accepted yet?",
                    [
                        q("sum by (pod) (sluice_producer_buffered_events{P})", "buffered"),
                        q("sum by (pod) (sluice_producer_dead_letters_waiting{P})", "dead letters"),
                    ],
                ),
                Panel(
                    "Without an id",
                    "ops",
                    "How many events have no id where SLUICE_EVENT_ID looks?",
                    [
                        q(
                            "sum(rate(sluice_producer_events_without_id_total{P}[$__rate_interval]))",
                            "without an id",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Sending",
            [
                Panel(
                    "Messages",
                    "ops",
                    "How many messages does SQS accept?",
                    [
                        q(
                            "sum by (wire) (rate(sluice_producer_messages_sent_total{P}[$__rate_interval]))",
                            "{{wire}}",
                        )
                    ],
                    width=6,
                ),
                Panel(
                    "Bytes",
                    "Bps",
                    "How much does packing save?",
                    [
                        q(
                            "sum(rate(sluice_producer_sent_unpacked_bytes_total{P}[$__rate_interval]))",
                            "events",
                        ),
                        q(
                            "sum(rate(sluice_producer_sent_bytes_total{P}[$__rate_interval]))",
                            "messages",
                        ),
                    ],
                    width=6,
                ),
                Panel(
                    "What closes packs",
                    "ops",
                    "Size, number or age?",
                    [
                        q(
                            "sum by (trigger) (rate(sluice_producer_pack_flushes_total{P}[$__rate_interval]))",
                            "{{trigger}}",
                        )
                    ],
                    width=6,
                    stacked=True,
                ),
                Panel(
                    "Send time",
                    "s",
                    "How long does SQS take?",
                    [
                        q(
                            "histogram_quantile(0.5, sum by (le) (rate(sluice_producer_send_seconds_bucket{P}[$__rate_interval])))",
                            "half",
                        ),
                        q(
                            "histogram_quantile(0.99, sum by (le) (rate(sluice_producer_send_seconds_bucket{P}[$__rate_interval])))",
                            "99 %",
                        ),
                    ],
                    (1, 10),
                    width=6,
                ),
            ],
        ),
        Row(
            "What goes wrong",
            [
                Panel(
                    "Failed sends",
                    "ops",
                    "Does SQS refuse whole calls, or single entries?",
                    [
                        q(
                            "sum by (kind) (rate(sluice_producer_send_failures_total{P}[$__rate_interval]))",
                            "{{kind}}",
                        )
                    ],
                ),
                Panel(
                    "Checkpoint",
                    "s",
                    "How much would a restart send twice?",
                    [q("max by (pod) (sluice_producer_checkpoint_age_seconds{P})", "{{pod}}")],
                    (30, 120),
                ),
                Panel(
                    "Checkpoint writes, looks at queues",
                    "ops",
                    "Do they succeed?",
                    [
                        q(
                            "sum by (result) (rate(sluice_producer_checkpoint_writes_total{P}[$__rate_interval]))",
                            "checkpoint {{result}}",
                        ),
                        q(
                            "sum by (result) (rate(sluice_producer_queue_looks_total{P}[5m]))",
                            "look {{result}}",
                        ),
                    ],
                ),
            ],
        ),
    ],
)

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
                ),
                Panel(
                    "Dead letters waiting",
                    "short",
                    "Does the dead-letter queue accept?",
                    [q("sum by (pod) (sluice_batcher_poison_backlog{B})", "{{pod}}")],
                    (1, 100),
                    width=12,
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

_PACKS = "sum(rate(sluice_producer_messages_sent_total{P}[1h]))"
_OBJECTS = "sum(rate(sluice_batcher_objects_written_total{B}[1h]))"
SCALING: Final = Page(
    "scaling",
    "Sluice RELEASE / Scaling and cost",
    "How many pods there are and should be, what they use, and what requests cost.",
    [
        Row(
            "Scaling",
            [
                Panel(
                    "Batchers and backlog",
                    "short",
                    "Do pods follow the queue?",
                    [
                        q('count(sluice_build_info{A,component="batcher"})', "batchers"),
                        q(
                            'max(sluice_producer_queue_messages{P,queue="main",state="visible"})',
                            "messages waiting",
                        ),
                    ],
                    width=12,
                ),
                Panel(
                    "Retention",
                    "s",
                    "How long do the queues keep messages?",
                    [q("max by (queue) (sluice_producer_queue_retention_seconds{P})", "{{queue}}")],
                    width=12,
                ),
            ],
        ),
        Row(
            "Use",
            [
                Panel(
                    "CPU",
                    "short",
                    "Cores that each pod uses.",
                    [
                        q(
                            "sum by (pod) (rate(process_cpu_seconds_total{A}[$__rate_interval]))",
                            "{{pod}}",
                        )
                    ],
                ),
                Panel(
                    "Memory",
                    "bytes",
                    "Memory that each pod uses.",
                    [q("sum by (pod) (process_resident_memory_bytes{A})", "{{pod}}")],
                ),
                Panel(
                    "Rows an object, bytes an object",
                    "short",
                    "Are objects large enough?",
                    [
                        q(
                            "sum(rate(sluice_batcher_rows_written_total{B}[1h])) / sum(rate(sluice_batcher_objects_written_total{B}[1h]))",
                            "rows",
                        ),
                        q(
                            "sum(rate(sluice_batcher_object_bytes_written_total{B}[1h])) / sum(rate(sluice_batcher_objects_written_total{B}[1h]))",
                            "bytes",
                        ),
                    ],
                ),
            ],
        ),
        Row(
            "Cost",
            [
                Panel(
                    "Requests that grow with the stream",
                    "ops",
                    "Writes to S3 and messages in SQS (each is sent, received and deleted, up to ten a request).",
                    [q(_OBJECTS, "objects written"), q(_PACKS, "messages")],
                    width=12,
                ),
                Panel(
                    "$ a million events",
                    "currencyUSD",
                    "At these list prices, requests alone: an object's write, and three tenths of a request for each message at best.",
                    [
                        q(
                            "1e6 * ("
                            + _OBJECTS
                            + " * $price_put / 1000 + 0.3 * "
                            + _PACKS
                            + " * $price_sqs / 1e6) / sum(rate(sluice_producer_events_sent_total{P}[1h]))",
                            "requests",
                        )
                    ],
                    width=12,
                ),
            ],
        ),
    ],
    extra=(
        ("price_put", "$ per 1,000 PUT", "0.005"),
        ("price_sqs", "$ per million SQS requests", "0.4"),
    ),
)

PAGES: Final = (OVERVIEW, PRODUCER, BATCHER, SCALING)
WITHOUT_A_PANEL: Final = {
    "sluice_producer_last_event_time_seconds": "the lag tells the same, as a duration",
    "sluice_producer_last_gap_timestamp_seconds": "an alert's; the gaps themselves have a panel",
    "sluice_producer_last_dead_letter_timestamp_seconds": "an alert's; the letters have a panel",
    "sluice_batcher_last_dead_letter_timestamp_seconds": "an alert's; the letters have a panel",
}
"""Metrics that stand on no panel, and why."""
