"""Scaling and cost."""

from typing import Final

from kit import Page, Panel, Row, keda, q

_PACKS = "sum(rate(sluice_producer_messages_sent_total{P}[1h]))"
_OBJECTS = "sum(rate(sluice_batcher_objects_written_total{B}[1h]))"
_SEEN = keda("keda_scaler_metrics_value{}", more=',triggerIndex="0"')  # of its triggers the queue
_CHECKPOINTS = "sum(rate(sluice_producer_checkpoint_writes_total{P}[1h]))"
SCALING: Final = Page(
    "scaling",
    "Sluice RELEASE / Scaling and cost",
    "How many pods there are and should be, what they use, and what requests cost.",
    [
        Row(
            "Scaling",
            [
                Panel(
                    "Batchers wanted and had",
                    "short",
                    "Are there as many batchers as KEDA's number asks for, within the fewest and the most? With the numbers of the release that this dashboard came with.",
                    [
                        q(
                            f"clamp(ceil(max({_SEEN}) / QUEUE-LENGTH), MIN-REPLICAS, MAX-REPLICAS)",
                            "wanted",
                        ),
                        q('count(sluice_build_info{A,component="batcher"}) or vector(0)', "had"),
                    ],
                    width=6,
                ),
                Panel(
                    "Backlog and what KEDA sees of it",
                    "short",
                    "Messages waiting and in flight, as the producer reads them each minute and KEDA when it is asked.",
                    [
                        q(
                            'max(sluice_producer_queue_messages{P,queue="main",state="visible"})',
                            "waiting",
                        ),
                        q(
                            'max(sluice_producer_queue_messages{P,queue="main",state="in-flight"})',
                            "in flight",
                        ),
                        q(f"max({_SEEN})", "KEDA"),
                    ],
                    width=6,
                    alert="SluiceBacklogAtMaxReplicas",
                ),
                Panel(
                    "KEDA's failed looks",
                    "short",
                    "Times within five minutes that KEDA could not read the queue. It counts them until its fallback holds; then what it sees of the backlog is a flat line of its own making.",
                    [
                        q(
                            f"sum({keda('increase(keda_scaled_object_errors_total{}[5m])')})",
                            "failed looks",
                        )
                    ],
                    limits=(1, 5),
                    width=6,
                    alert="SluiceScalerErrors",
                ),
                Panel(
                    "Retention",
                    "s",
                    "How long do the queues keep messages?",
                    [q("max by (queue) (sluice_producer_queue_retention_seconds{P})", "{{queue}}")],
                    width=6,
                    alert="SluiceNearRetention",
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
                    width=6,
                ),
                Panel(
                    "Memory",
                    "bytes",
                    "Memory that each pod uses.",
                    [q("sum by (pod) (process_resident_memory_bytes{A})", "{{pod}}")],
                    width=6,
                    alert="SluiceOutOfMemory",
                ),
                Panel(
                    "Rows an object",
                    "short",
                    "Are objects large enough?",
                    [
                        q(
                            "sum(rate(sluice_batcher_rows_written_total{B}[1h])) / sum(rate(sluice_batcher_objects_written_total{B}[1h]))",
                            "rows",
                        )
                    ],
                    width=6,
                ),
                Panel(
                    "Bytes an object",
                    "bytes",
                    "Many small objects make readers slow and writes dear.",
                    [
                        q(
                            "sum(rate(sluice_batcher_object_bytes_written_total{B}[1h])) / sum(rate(sluice_batcher_objects_written_total{B}[1h]))",
                            "bytes",
                        )
                    ],
                    width=6,
                    alert="SluiceTinyObjects",
                ),
            ],
        ),
        Row(
            "Cost",
            [
                Panel(
                    "Requests that grow with the stream",
                    "ops",
                    "Writes to S3 and messages in SQS (each is sent, received and deleted, up to ten a request). Checkpoints grow with time, not with the stream.",
                    [
                        q(_OBJECTS, "objects written"),
                        q(_CHECKPOINTS, "checkpoints"),
                        q(_PACKS, "messages"),
                    ],
                    width=12,
                ),
                Panel(
                    "$ a million events",
                    "currencyUSD",
                    "At these list prices, requests alone: the writes of objects and checkpoints, and three tenths of a request for each message at best. Polls that find nothing come on top.",
                    [
                        q(
                            "1e6 * ((("
                            + _OBJECTS
                            + " or vector(0)) + "
                            + _CHECKPOINTS
                            + ") * $price_put / 1000 + 0.3 * "
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
