"""The producer."""

from typing import Final

from kit import Page, Panel, Row, q

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
                    alert="SluiceSourceDisconnected",
                ),
                Panel(
                    "Paused",
                    "bool_yes_no",
                    "Does reading wait for SQS or for the checkpoint?",
                    [q("max by (pod) (sluice_producer_paused{P})", "{{pod}}")],
                    (None, 1),
                    number=True,
                    width=4,
                    alert="SluiceProducerPaused",
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
                    alert="SluiceStreamLag",
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
                    alert="SluiceSourceSilent",
                ),
                Panel(
                    "Held",
                    "short",
                    "What is read and not accepted yet?",
                    [
                        q("sum by (pod) (sluice_producer_buffered_events{P})", "buffered"),
                        q("sum by (pod) (sluice_producer_dead_letters_waiting{P})", "dead letters"),
                    ],
                    alert="SluiceReadNotSent",
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
                    alert="SluiceCheckpointOld",
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
                    alert="SluiceCheckpointWritesFailing",
                ),
            ],
        ),
    ],
)
