"""How the pipeline is: the page to open first."""

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
                    alert="SluiceFreshnessBurnsFast",
                ),
                Panel(
                    "Stream lag",
                    "s",
                    "How old was the event read last, by its own time, when it was read? No data: none says one.",
                    [q("max(sluice_producer_stream_lag_seconds{P})")],
                    (60, 300),
                    number=True,
                    width=3,
                    alert="SluiceStreamLag",
                ),
                Panel(
                    "Backlog",
                    "short",
                    "How many messages wait in the queue?",
                    [q('max(sluice_producer_queue_messages{P,queue="main",state="visible"})')],
                    number=True,
                    width=3,
                    alert="SluiceBacklogAtMaxReplicas",
                ),
                Panel(
                    "Batchers",
                    "short",
                    "How many batchers are there?",
                    [q('count(sluice_build_info{A,component="batcher"}) or vector(0)')],
                    (1, 1),
                    number=True,
                    width=3,
                    low=True,
                    alert="SluiceBatcherAbsent",
                ),
                Panel(
                    "Gap seconds (lost)",
                    "s",
                    "How much of the stream was gone at the source when reading resumed, in the time shown? Only Wikimedia's streams say how much: of others the next panel counts.",
                    [
                        q(
                            "sum(max_over_time(sluice_producer_resume_gap_seconds_total{P}[$__range]))"
                        )
                    ],
                    (None, 0.001),
                    number=True,
                    width=4,
                    alert="SluiceResumeGap",
                ),
                Panel(
                    "Resume gaps",
                    "short",
                    "How often was a place in the stream given up, in the time shown? 0: the source had all that was asked for.",
                    [q("sum(max_over_time(sluice_producer_resume_gaps_total{P}[$__range]))")],
                    (None, 1),
                    number=True,
                    width=4,
                    alert="SluiceResumeGap",
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
                    alert="SluiceDeadLetterQueueNotEmpty",
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
                    alert="SluiceSentNotWritten",
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
                    alert="SluiceDeadLetters",
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
                    alert="SluiceFreshnessBurnsSlowly",
                ),
                Panel(
                    "Heartbeats",
                    "s",
                    "How long did messages without events take from the producer to S3, and how old is the newest that came through? Empty without producer.heartbeat.",
                    [
                        q("max(sluice_batcher_last_heartbeat_seconds{B})", "the last"),
                        q(
                            "histogram_quantile(0.99, sum by (le) (rate(sluice_batcher_heartbeat_seconds_bucket{B}[1h])))",
                            "99 % in an hour",
                        ),
                        q(
                            "time() - (max(sluice_batcher_last_heartbeat_timestamp_seconds{B}) > 0)",
                            "age of the newest",
                        ),
                    ],
                    (None, 600),
                    width=12,
                    alert="SluiceHeartbeatLate",
                ),
            ],
        ),
    ],
)
